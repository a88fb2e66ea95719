//! What happens in a running server.

use std::time::Duration;

use super::{ServerStatus, WorkerFailure};

/// Something that happened in a running server; told to
/// [`Server::on_event`](super::Server::on_event).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A worker process was made.
    #[non_exhaustive]
    WorkerStarted {
        /// The index of the worker.
        index: usize,
        /// Its process id.
        pid: u32,
    },
    /// A worker has come to its `yield_!`.
    #[non_exhaustive]
    WorkerReady {
        /// The index of the worker.
        index: usize,
        /// Its process id.
        pid: u32,
    },
    /// A worker has ended, and well.
    #[non_exhaustive]
    WorkerEnded {
        /// The index of the worker.
        index: usize,
        /// Its process id.
        pid: u32,
    },
    /// A worker has failed.
    #[non_exhaustive]
    WorkerFailed {
        /// Which one, and how.
        failure: WorkerFailure,
        /// Whether the server goes on in spite of it. If not, the failure will be in the error of
        /// [`Server::run`](super::Server::run).
        survived: bool,
    },
    /// Another worker will be started in the place of one that has gone.
    #[non_exhaustive]
    Respawn {
        /// The index of the worker.
        index: usize,
        /// When, counted from now.
        after: Duration,
    },
    /// A reload has begun.
    ReloadStarted,
    /// Each worker that was there when the reload began has given way to a new one.
    ReloadDone,
    /// A new worker failed, or was not ready in time. The reload is over; the workers that have not
    /// been replaced stay.
    #[non_exhaustive]
    ReloadFailed {
        /// How it failed.
        failure: WorkerFailure,
    },
    /// The number of workers was changed.
    #[non_exhaustive]
    Scaled {
        /// How many there are to be.
        workers: usize,
    },
    /// A worker did not answer within the limit of the
    /// [heartbeat](super::Server::heartbeat). That it failed is told after this.
    #[non_exhaustive]
    WorkerHung {
        /// The index of the worker.
        index: usize,
        /// Its process id.
        pid: u32,
        /// Its task tree; `None` if not even that could be had from it within a second, as when the
        /// whole process is halted by `SIGSTOP`.
        tree: Option<String>,
    },
    /// A worker is to be replaced, as soon as no other one is.
    #[non_exhaustive]
    Recycle {
        /// The index of the worker.
        index: usize,
        /// Its process id.
        pid: u32,
        /// Why.
        cause: RecycleCause,
    },
    /// Another server was started, to take the place of this one.
    #[non_exhaustive]
    UpgradeStarted {
        /// The process id of its parent process.
        pid: u32,
    },
    /// The other server has taken the place of this one, which stops now.
    #[non_exhaustive]
    UpgradeDone {
        /// The process id of its parent process.
        pid: u32,
    },
    /// The other server could not be started, failed, or was not ready in time. This one goes on as
    /// if nothing had happened.
    #[non_exhaustive]
    UpgradeFailed {
        /// What went wrong.
        reason: String,
    },
    /// What a look at the server and into its workers has shown.
    #[non_exhaustive]
    Inspected {
        /// The server, with the task tree of each process that has answered within a second.
        status: ServerStatus,
    },
}

impl ServerEvent {
    /// Gives the worker that it is about another number.
    pub(super) fn renumber(&mut self, number: &dyn Fn(usize) -> usize) {
        match self {
            Self::WorkerStarted { index, .. }
            | Self::WorkerReady { index, .. }
            | Self::WorkerEnded { index, .. }
            | Self::Respawn { index, .. }
            | Self::WorkerHung { index, .. }
            | Self::Recycle { index, .. } => *index = number(*index),
            Self::WorkerFailed { failure, .. } | Self::ReloadFailed { failure } => {
                failure.renumber(number);
            }
            Self::Inspected { status } => status.renumber(number),
            Self::ReloadStarted
            | Self::ReloadDone
            | Self::Scaled { .. }
            | Self::UpgradeStarted { .. }
            | Self::UpgradeDone { .. }
            | Self::UpgradeFailed { .. } => {}
        }
    }
}

/// Why a worker is replaced, though nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecycleCause {
    /// [`max_age`](super::Server::max_age).
    Age,
    /// [`max_requests`](super::Server::max_requests).
    Requests,
    /// [`max_memory`](super::Server::max_memory).
    Memory,
    /// It was to be replaced before, and the one in its place failed.
    Again,
}

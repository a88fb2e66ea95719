//! What happens in a running server.

use std::time::Duration;

use super::WorkerFailure;

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
}

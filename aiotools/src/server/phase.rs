//! Where a server, and each of its workers, stands.

use std::net::SocketAddr;

/// Where a server stands, seen from its parent process; told to
/// [`Server::on_phase`](super::Server::on_phase).
///
/// A server goes through the phases in the order in which they stand here. It may leave some out,
/// and it always comes to [`Ended`](Phase::Ended) once it has come to [`Bound`](Phase::Bound).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The listeners are bound: clients may connect, and wait. The main context has not started.
    Bound,
    /// The main context is set up, and the workers are being started.
    Starting,
    /// Each worker has reached its `yield_!`. Left out when the server is stopped before that, or a
    /// worker fails in its set-up.
    Running,
    /// The server has been asked to stop, or a worker has failed and it is not to go on. Left out when the workers
    /// [run to completion](super::Server::run_to_completion) and do so.
    Stopping,
    /// What did not stop is being killed: [`wait_timeout`](super::Server::wait_timeout) is over, or
    /// a second stop signal came.
    Killing,
    /// No worker is left, and the main context has ended.
    Ended,
}

/// What there is to know about a server whose workers are all ready; told to
/// [`Server::on_ready`](super::Server::on_ready).
#[derive(Debug, Clone)]
pub struct Ready {
    pub(super) local_addrs: Vec<SocketAddr>,
    pub(super) worker_pids: Vec<u32>,
}

impl Ready {
    /// The addresses of the TCP listeners, in the order of the calls of
    /// [`Server::bind`](super::Server::bind); they tell the port that came of a `:0`.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// The process ids of the workers, by index.
    #[must_use]
    pub fn worker_pids(&self) -> &[u32] {
        &self.worker_pids
    }
}

/// Where a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WorkerPhase {
    /// Before its `yield_!`.
    Initialization,
    /// At its `yield_!`.
    Serving,
    /// After its `yield_!`, with the cleanups that it left behind.
    Shutdown,
}

impl WorkerPhase {
    /// The phase as it stands in a sentence: "worker 1 failed *while serving*".
    pub(super) const fn when(self) -> &'static str {
        match self {
            Self::Initialization => "during initialization",
            Self::Serving => "while serving",
            Self::Shutdown => "during shutdown",
        }
    }

    pub(super) const fn to_byte(self) -> u8 {
        self as u8
    }

    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Initialization),
            1 => Some(Self::Serving),
            2 => Some(Self::Shutdown),
            _ => None,
        }
    }
}

impl std::fmt::Display for WorkerPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Initialization => "initialization",
            Self::Serving => "serving",
            Self::Shutdown => "shutdown",
        })
    }
}

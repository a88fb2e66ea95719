//! Why there is no child, or no exit status.

use std::{io, time::Duration};

use super::{ExitStatus, fork::ForkError};

/// Why a child was not started, or was not ready; the error of [`afork`](super::afork).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AforkError(#[from] Kind);

#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error(
        "this process uses tokio, so it cannot be forked: write `#[aiotools::main(fork_server)]`, \
         or call ForkServer::start() first thing in a plain `fn main`"
    )]
    Tokio,
    #[error(
        "this process has {0} threads, so it cannot be forked: write `#[aiotools::main(fork_server)]`, \
         or call ForkServer::start() first thing in `main`, before anything starts a thread"
    )]
    Threads(usize),
    #[error(
        "this process has an event loop (an open epoll descriptor), so it cannot be forked: \
         write `#[aiotools::main(fork_server)]`, or call ForkServer::start() first thing in `main`"
    )]
    EventLoop,
    #[error(
        "the child {0} before it was ready: a function that takes a ChildContext must call ready()"
    )]
    Ended(ExitStatus),
    #[error("the child was not ready within {0:?} and was killed")]
    Late(Duration),
    #[error("the fork server is gone")]
    ForkServer,
    #[error("the fork server belongs to another user")]
    OtherUser,
    #[error("the argument has {len} bytes and may have {limit}: send it by a descriptor")]
    LongArgument { len: usize, limit: usize },
    #[error("there are {count} descriptors and may be {limit}")]
    ManyDescriptors { count: usize, limit: usize },
    #[error("the child ended before it was ready")]
    Unknown(#[source] WaitError),
    #[error("cannot {what}")]
    System {
        what: &'static str,
        source: io::Error,
    },
}

impl AforkError {
    pub(super) fn system(what: &'static str, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self(Kind::System { what, source })
    }

    /// Whether nothing was tried, as this process must not be forked, and has no fork server that
    /// it may use; or as there is too much to be sent.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(
            self.0,
            Kind::Tokio
                | Kind::Threads(_)
                | Kind::EventLoop
                | Kind::OtherUser
                | Kind::LongArgument { .. }
                | Kind::ManyDescriptors { .. }
        )
    }

    /// Whether the child was not ready within the [limit](super::Afork::ready_timeout).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::Late(_))
    }

    /// Whether there is no longer a fork server.
    #[must_use]
    pub fn is_fork_server_gone(&self) -> bool {
        match &self.0 {
            Kind::ForkServer => true,
            Kind::Unknown(err) => err.is_fork_server_gone(),
            _ => false,
        }
    }

    /// How the child ended, if it did so before it was ready.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        match self.0 {
            Kind::Ended(status) => Some(status),
            _ => None,
        }
    }
}

impl From<ForkError> for AforkError {
    fn from(err: ForkError) -> Self {
        match err {
            ForkError::Threads(count) => Self(Kind::Threads(count)),
            ForkError::System(err) => Self::system("fork", err),
        }
    }
}

/// Why it cannot be told how a child ended; the error of [`ChildProcess::wait`](super::ChildProcess::wait).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct WaitError(#[from] Lost);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lost {
    #[error(
        "the child has ended, and its exit status was taken by someone else: a wait for any child, or an ignored SIGCHLD"
    )]
    Taken,
    #[error("the fork server is gone, and nobody else can tell how the child ends")]
    ForkServer,
}

impl WaitError {
    /// Whether the child has ended and something else in the process took its exit status: a
    /// `waitpid(-1)`, or the system itself because `SIGCHLD` is ignored.
    #[must_use]
    pub fn is_taken(self) -> bool {
        self.0 == Lost::Taken
    }

    /// Whether the fork server ended before the child did.
    #[must_use]
    pub fn is_fork_server_gone(self) -> bool {
        self.0 == Lost::ForkServer
    }
}

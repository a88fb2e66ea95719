//! The error of a cleanup that took too long.

use std::io;
use std::time::Duration;

use crate::context::Exit;

/// A cleanup did not end within the `cleanup_timeout` of its manager, and was dropped.
///
/// A manager that may fail returns it from `exit` if its error type implements
/// `From<CleanupTimedOut>`, as `io::Error`, `Box<dyn Error + Send + Sync>` and `anyhow::Error` do;
/// otherwise `exit` panics with its text, since it must not say that the cleanup went well. A manager
/// that cannot fail reports it to the [error hook](super::set_error_hook).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cleanup of `{manager}` did not end within {limit:?} and was dropped")]
pub struct CleanupTimedOut {
    manager: &'static str,
    exit: Exit,
    limit: Duration,
}

impl CleanupTimedOut {
    pub(crate) fn new(manager: &'static str, exit: Exit, limit: Duration) -> Self {
        Self {
            manager,
            exit,
            limit,
        }
    }

    /// The path of the manager.
    #[must_use]
    pub fn manager(&self) -> &'static str {
        self.manager
    }

    /// What the manager was resumed with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The limit that passed.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl From<CleanupTimedOut> for io::Error {
    fn from(error: CleanupTimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

//! What is known about a manager, apart from its body.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use super::outcome::Outcome;
use crate::cleanup::CleanupTimedOut;

/// What is known about a manager, apart from its body. Made by `#[actxmgr]`.
pub struct Spec<O: Outcome> {
    pub(crate) name: &'static str,
    pub(crate) cleanup_timeout: Option<Duration>,
    /// Makes an outcome of a cleanup that ran out of time.
    pub(crate) timed_out: fn(CleanupTimedOut) -> O,
    /// Lets a handler ask for the type of an error. Errors of scoped managers may borrow and cannot.
    pub(crate) erase: fn(&O::Error) -> Option<&dyn Any>,
}

impl<O: Outcome> Clone for Spec<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Outcome> Copy for Spec<O> {}

impl<O: Outcome> fmt::Debug for Spec<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("name", &self.name)
            .field("cleanup_timeout", &self.cleanup_timeout)
            .finish_non_exhaustive()
    }
}

impl<O: Outcome> Spec<O> {
    /// A manager whose cleanup may take as long as it needs.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            cleanup_timeout: None,
            timed_out: |_| unreachable!("no limit was set"),
            erase: |_| None,
        }
    }

    /// Bounds the cleanup.
    #[must_use]
    pub const fn with_cleanup_timeout(
        self,
        limit: Duration,
        timed_out: fn(CleanupTimedOut) -> O,
    ) -> Self {
        Self {
            cleanup_timeout: Some(limit),
            timed_out,
            ..self
        }
    }

    pub(crate) fn with_static_error(self) -> Self
    where
        O::Error: 'static,
    {
        Self {
            erase: |error| Some(error),
            ..self
        }
    }
}

//! What is known about a manager, apart from its body.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use super::outcome::Outcome;
use crate::cleanup::CleanupTimedOut;

/// What is known about a manager at compile time. The attributes write it as a literal, as a reference to that
/// is `'static` without a `const` block, which costs the compiler as much as a small function.
#[derive(Debug)]
pub struct About {
    /// Its path.
    pub name: &'static str,
    /// How long its cleanup may take.
    pub cleanup_timeout: Option<Duration>,
}

impl About {
    /// A manager whose cleanup may take as long as it needs.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            cleanup_timeout: None,
        }
    }
}

/// What is known about a manager, apart from its body. Made by `#[actxmgr]`.
pub struct Spec<O: Outcome> {
    pub(crate) about: &'static About,
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
            .field("about", self.about)
            .finish_non_exhaustive()
    }
}

impl<O: Outcome> Spec<O> {
    /// A manager whose cleanup cannot time out.
    #[must_use]
    pub fn new(about: &'static About) -> Self {
        Self {
            about,
            timed_out: |_| unreachable!("no limit was set"),
            erase: |_| None,
        }
    }

    /// Says what becomes of a cleanup that runs out of time.
    #[must_use]
    pub fn on_timeout(self, timed_out: fn(CleanupTimedOut) -> O) -> Self {
        Self { timed_out, ..self }
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

//! What `exit` gives when the cleanup ran out of time, found out where the manager is defined: there
//! the error type is known, and method resolution can ask whether it implements `From`.

use std::fmt;
use std::marker::PhantomData;

use crate::cleanup::{CleanupTimedOut, report};

/// The method has a name that no trait in the user's scope has.
///
/// `(&&TimedOut::<O>::new()).__aiotools_outcome(..)` picks [`TimedOutAsError`] if the error type of `O` can say
/// that the time ran out, because its receiver fits without a deref, and [`TimedOutAsPanic`] if not.
pub struct TimedOut<O>(PhantomData<fn() -> O>);

impl<O> TimedOut<O> {
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made by a macro")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<O> fmt::Debug for TimedOut<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimedOut")
    }
}

pub trait TimedOutAsError<O> {
    fn __aiotools_outcome(&self, error: CleanupTimedOut) -> O;
}

impl<E: From<CleanupTimedOut>> TimedOutAsError<Result<(), E>> for &TimedOut<Result<(), E>> {
    fn __aiotools_outcome(&self, error: CleanupTimedOut) -> Result<(), E> {
        Err(error.into())
    }
}

pub trait TimedOutAsPanic<O> {
    fn __aiotools_outcome(&self, error: CleanupTimedOut) -> O;
}

impl<E> TimedOutAsPanic<Result<(), E>> for TimedOut<Result<(), E>> {
    fn __aiotools_outcome(&self, error: CleanupTimedOut) -> Result<(), E> {
        panic!("{error}")
    }
}

impl TimedOutAsPanic<()> for TimedOut<()> {
    fn __aiotools_outcome(&self, error: CleanupTimedOut) {
        report::timed_out(&error);
    }
}

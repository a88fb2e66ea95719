//! What the body of a manager returns: `()`, or `Result<(), E>` for one that may fail.

use std::convert::Infallible;
use std::fmt;

use super::spec::Spec;
use crate::cleanup::report;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
}

/// What the body of a manager returns, and with it whether entering and leaving may fail.
#[diagnostic::on_unimplemented(
    message = "the body of a manager ends in `()` or in `Result<(), E>`, not in `{Self}`",
    label = "write `Ok(())` at its end, or give the manager a return type without `Result`",
    note = "the error type must implement `Debug`, so that an error of a cleanup in the background can be reported"
)]
pub trait Outcome: sealed::Sealed + Sized {
    /// The error, or [`Infallible`].
    type Error: fmt::Debug;

    /// `T` for a manager that cannot fail, `Result<T, E>` for one that may.
    type With<T>;

    /// The result of something that went well.
    #[doc(hidden)]
    fn good<T>(value: T) -> Self::With<T>;

    /// `value`, unless the cleanup failed.
    #[doc(hidden)]
    fn and<T>(self, value: T) -> Self::With<T>;

    /// The body ended before its yield: an error if it failed, otherwise a mistake of its author.
    ///
    /// # Panics
    ///
    /// If the body did not fail.
    #[doc(hidden)]
    fn before_yield<T>(self, manager: &str) -> Self::With<T>;

    /// As [`before_yield`](Self::before_yield), when the error is wanted as such.
    #[doc(hidden)]
    fn error_before_yield(self, manager: &str) -> Self::Error {
        match self.into_result() {
            Ok(()) => never_yielded(manager),
            Err(error) => error,
        }
    }

    #[doc(hidden)]
    fn into_result(self) -> Result<(), Self::Error>;

    /// What is known about a manager, for its outcome as a `Result`.
    #[doc(hidden)]
    fn fallible(spec: Spec<Self>) -> Spec<Result<(), Self::Error>>;
}

/// An outcome whose error the error `X` of a [`try_scope`](super::Manager::try_scope) body can hold.
#[diagnostic::on_unimplemented(
    message = "an error of the cleanup must fit into `{X}`, the error of the body",
    note = "implement `From<E>` for it, where `E` is the manager's error"
)]
pub trait OutcomeInto<X>: Outcome {
    #[doc(hidden)]
    fn try_and<T>(self, value: T) -> Result<T, X>;

    #[doc(hidden)]
    fn try_before_yield<T>(self, manager: &str) -> Result<T, X>;
}

#[cold]
fn never_yielded(manager: &str) -> ! {
    panic!("manager `{manager}` returned without reaching its `yield_!`")
}

impl Outcome for () {
    type Error = Infallible;
    type With<T> = T;

    #[inline]
    fn good<T>(value: T) -> T {
        value
    }

    #[inline]
    fn and<T>(self, value: T) -> T {
        value
    }

    fn before_yield<T>(self, manager: &str) -> T {
        never_yielded(manager)
    }

    fn into_result(self) -> Result<(), Infallible> {
        Ok(())
    }

    fn fallible(spec: Spec<()>) -> Spec<Result<(), Infallible>> {
        Spec::new(spec.about).on_timeout(|timed_out| {
            report::timed_out(&timed_out);
            Ok(())
        })
    }
}

impl<X> OutcomeInto<X> for () {
    fn try_and<T>(self, value: T) -> Result<T, X> {
        Ok(value)
    }

    fn try_before_yield<T>(self, manager: &str) -> Result<T, X> {
        never_yielded(manager)
    }
}

impl<E: fmt::Debug> Outcome for Result<(), E> {
    type Error = E;
    type With<T> = Result<T, E>;

    #[inline]
    fn good<T>(value: T) -> Result<T, E> {
        Ok(value)
    }

    fn and<T>(self, value: T) -> Result<T, E> {
        self.map(|()| value)
    }

    fn before_yield<T>(self, manager: &str) -> Result<T, E> {
        match self {
            Ok(()) => never_yielded(manager),
            Err(error) => Err(error),
        }
    }

    fn into_result(self) -> Self {
        self
    }

    fn fallible(spec: Spec<Self>) -> Spec<Self> {
        spec
    }
}

impl<X, E: fmt::Debug> OutcomeInto<X> for Result<(), E>
where
    X: From<E>,
{
    fn try_and<T>(self, value: T) -> Result<T, X> {
        self.map(|()| value).map_err(X::from)
    }

    fn try_before_yield<T>(self, manager: &str) -> Result<T, X> {
        self.before_yield(manager).map_err(X::from)
    }
}

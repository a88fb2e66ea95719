//! What a child may return.

use super::error::BoxError;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<T, E> Sealed for Result<T, E> {}
    impl Sealed for super::Never {}

    /// Names the type `!`, which cannot be written as such yet.
    pub trait Returns {
        type Output;
    }
    impl<R> Returns for fn() -> R {
        type Output = R;
    }
}

/// What a future returns that never does: `async { loop { .. } }`.
type Never = <fn() -> ! as sealed::Returns>::Output;

/// What a child of a group may return: `()`, or a `Result` whose error can be boxed.
///
/// The bound makes it impossible to lose an error by accident: a child that returns something else is spawned with
/// `spawn_infallible`, which says in its name that there is nothing to lose.
#[diagnostic::on_unimplemented(
    message = "a task must return `()` or `Result<T, E>` with `E: Into<BoxError>`, not `{Self}`",
    label = "this future returns `{Self}`",
    note = "return `Ok(value)` with an error type, as in `Ok::<_, std::io::Error>(value)`, or use `spawn_infallible` for a task that cannot fail"
)]
pub trait TaskOutput: sealed::Sealed {
    /// What awaiting the handle gives.
    type Value: Send + 'static;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, BoxError>;
}

impl TaskOutput for () {
    type Value = ();

    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl TaskOutput for Never {
    type Value = std::convert::Infallible;

    fn into_result(self) -> Result<Self::Value, BoxError> {
        self
    }
}

impl<T: Send + 'static, E: Into<BoxError>> TaskOutput for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

/// How the engine turns what a future returns into what it keeps.
pub(crate) trait Convert<O> {
    type Value: Send + 'static;
    fn convert(output: O) -> Result<Self::Value, BoxError>;
}

/// As [`TaskOutput`] says.
pub(crate) struct Checked;

impl<O: TaskOutput> Convert<O> for Checked {
    type Value = O::Value;
    fn convert(output: O) -> Result<O::Value, BoxError> {
        output.into_result()
    }
}

/// Whatever it is, it is a value.
pub(crate) struct Plain;

impl<O: Send + 'static> Convert<O> for Plain {
    type Value = O;
    fn convert(output: O) -> Result<O, BoxError> {
        Ok(output)
    }
}

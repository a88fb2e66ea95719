//! What the parent sets up before the workers start, and ends after the last of them.

use super::{Signal, error::BoxError};

/// A main context at work: set up once, ended once. Implemented by what `#[main_context]` makes of a function.
#[doc(hidden)]
pub trait MainContext {
    /// What it yields, for the workers.
    type Value: 'static;

    /// Runs up to the `yield_!`.
    fn enter(&mut self) -> Result<Self::Value, BoxError>;

    /// Runs from the `yield_!` to the end.
    fn exit(self, signal: Signal) -> Result<(), BoxError>;
}

/// What [`Server::main_context`](super::Server::main_context) takes: a function that makes a [`MainContext`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a main context",
    label = "not a main context",
    note = "a main context is a function marked with `#[aiotools::main_context]`"
)]
pub trait IntoMainContext {
    type Value: 'static;
    type Context: MainContext<Value = Self::Value>;

    fn into_main_context(self) -> Self::Context;
}

impl<F, M> IntoMainContext for F
where
    F: FnOnce() -> M,
    M: MainContext,
{
    type Value = M::Value;
    type Context = M;

    fn into_main_context(self) -> M {
        self()
    }
}

/// The main context of a server that has none.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct NoMainContext;

impl IntoMainContext for NoMainContext {
    type Value = ();
    type Context = Self;

    fn into_main_context(self) -> Self {
        self
    }
}

impl MainContext for NoMainContext {
    type Value = ();

    fn enter(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    fn exit(self, _: Signal) -> Result<(), BoxError> {
        Ok(())
    }
}

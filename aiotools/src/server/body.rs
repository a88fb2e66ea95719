//! What `#[server]` makes of a function, and what a server takes as its worker.

use std::fmt;

use super::{Signal, WorkerContext, error::BoxError};
use crate::context::{Coroutine, Owned};

/// A worker that has not started: what a function under [`#[server]`](macro@crate::server) returns.
///
/// Give the function itself to [`start_server`](super::start_server); it is called in each worker.
#[must_use = "a worker does nothing by itself: give its function to `start_server`"]
pub struct Worker<C> {
    coroutine: C,
}

impl<C: WorkerCoroutine> Worker<C> {
    #[doc(hidden)]
    pub fn new(coroutine: C) -> Self {
        Self { coroutine }
    }

    pub(super) fn into_coroutine(self) -> C {
        self.coroutine
    }
}

impl<C> fmt::Debug for Worker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// The body of a worker: it yields nothing, is resumed with the stop signal, and may fail.
#[doc(hidden)]
pub trait WorkerCoroutine:
    Coroutine<Lend = Owned<()>, Resume = Signal, Future: Future<Output: ServerOutcome>>
{
}

impl<C> WorkerCoroutine for C where
    C: Coroutine<Lend = Owned<()>, Resume = Signal, Future: Future<Output: ServerOutcome>>
{
}

/// What a worker and a main context may return: `()`, or `Result<(), E>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a worker and a main context end in `()` or in `Result<(), E>`, not in `{Self}`",
    note = "the error `E` must be one that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait ServerOutcome {
    fn into_result(self) -> Result<(), BoxError>;
}

impl ServerOutcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> ServerOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// What [`start_server`](super::start_server) takes: a function that makes a [`Worker`] of a
/// context.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this server has no use for `{Self}` as its worker",
    label = "the context of its worker is `WorkerContext<{C}, {A}>`",
    note = "a worker is a function marked with `#[aiotools::server]`; its context is `WorkerContext<C, A>`, \
            with what the main context yields for `C` and what `args(..)` is given for `A`, or `()` where there is none"
)]
pub trait ServerWorker<C: 'static, A: 'static> {
    type Coroutine: WorkerCoroutine;

    fn worker(self, ctx: WorkerContext<C, A>) -> Worker<Self::Coroutine>;
}

impl<F, B, C: 'static, A: 'static> ServerWorker<C, A> for F
where
    F: FnOnce(WorkerContext<C, A>) -> Worker<B>,
    B: WorkerCoroutine,
{
    type Coroutine = B;

    fn worker(self, ctx: WorkerContext<C, A>) -> Worker<B> {
        self(ctx)
    }
}

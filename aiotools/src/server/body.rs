//! What `#[server]` makes of a function, and what a server takes as its worker.

use std::fmt;

use super::{Signal, WorkerContext, error::BoxError};
use crate::context::{Coroutine, Owned, coroutine::Output};

/// A worker that has not started: what a function under [`#[server]`](macro@crate::server) returns.
///
/// Give the function itself to [`start_server`](super::start_server); it is called in each worker.
#[must_use = "a worker does nothing by itself: give its function to `start_server`"]
pub struct Worker<C: Coroutine> {
    coroutine: C,
    finish: Finish<C>,
}

/// From what the body of a coroutine returns to its error.
pub(super) type Finish<C> = fn(Output<C>) -> Result<(), BoxError>;

impl<C: Coroutine> Worker<C> {
    #[doc(hidden)]
    pub fn new(coroutine: C) -> Self
    where
        C: Coroutine<Lend = Owned<()>, Resume = Signal, Future: Future<Output: ServerOutcome>>,
    {
        Self {
            coroutine,
            finish: ServerOutcome::into_result,
        }
    }

    pub(super) fn into_parts(self) -> (C, Finish<C>) {
        (self.coroutine, self.finish)
    }
}

impl<C: Coroutine> fmt::Debug for Worker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// What a worker, a main context, an extra process and a hook may return: `()`, or `Result<(), E>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "what runs in a process of a server ends in `()` or in `Result<(), E>`, not in `{Self}`",
    label = "cannot be reported from one process to another",
    note = "the error `E` must be one that converts into `Box<dyn Error + Send + Sync>`",
    note = "a worker is an `async fn` with `#[server]`; an extra process and a hook are a plain `fn`"
)]
pub trait ServerOutcome {
    fn into_result(self) -> Result<(), BoxError>;
}

impl ServerOutcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> ServerOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// What [`start_server`](super::start_server) takes: a function that makes a [`Worker`] of a
/// context.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the worker of this server must be a `#[server]` function of `WorkerContext<{C}, {A}>`",
    label = "its worker is `{Self}`",
    note = "the first type is what the main context yields, the second what `args(..)` is given; `()` where there is none"
)]
pub trait ServerWorker<C: 'static, A: 'static> {
    type Coroutine: Coroutine<Lend = Owned<()>, Resume = Signal>;

    fn worker(self, ctx: WorkerContext<C, A>) -> Worker<Self::Coroutine>;
}

#[diagnostic::do_not_recommend]
impl<F, B, C: 'static, A: 'static> ServerWorker<C, A> for F
where
    F: FnOnce(WorkerContext<C, A>) -> Worker<B>,
    B: Coroutine<Lend = Owned<()>, Resume = Signal>,
{
    type Coroutine = B;

    fn worker(self, ctx: WorkerContext<C, A>) -> Worker<B> {
        self(ctx)
    }
}

//! What a worker process needs of the function that it runs: a body that can be stopped halfway and resumed.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::{Signal, WorkerContext, error::BoxError};

/// How the first half of a body ended.
#[doc(hidden)]
#[derive(Debug)]
pub enum Setup {
    /// At the `yield_!`.
    Suspended,
    /// Before it, with this.
    Ended(Result<(), BoxError>),
}

/// A worker's function at work. Implemented by what `#[server]` makes of a function.
#[doc(hidden)]
pub trait WorkerBody {
    /// Runs up to the `yield_!`. Not called again once it is ready.
    fn poll_setup(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Setup>;

    /// Has the `yield_!` give `signal`. Called once, after [`Setup::Suspended`].
    fn resume(self: Pin<&mut Self>, signal: Signal);

    /// Runs from the `yield_!` to the end. Called after [`resume`](Self::resume).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
}

/// What [`start_server`](super::start_server) takes: a function that makes a [`WorkerBody`] of a context.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this server has no use for `{Self}` as its worker",
    label = "its context should be `WorkerContext<{C}, {A}>`",
    note = "a worker is a function marked with `#[aiotools::server]`; its context is `WorkerContext<C, A>`, \
            with what the main context yields for `C` and what `args(..)` is given for `A`, or `()` where there is none"
)]
pub trait ServerWorker<C: 'static, A: 'static> {
    type Body: WorkerBody;

    fn body(self, ctx: WorkerContext<C, A>) -> Self::Body;
}

impl<F, B, C: 'static, A: 'static> ServerWorker<C, A> for F
where
    F: FnOnce(WorkerContext<C, A>) -> B,
    B: WorkerBody,
{
    type Body = B;

    fn body(self, ctx: WorkerContext<C, A>) -> B {
        self(ctx)
    }
}

//! What the parent sets up before the workers start, and ends after the last of them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{
    Signal,
    body::{Finish, ServerOutcome},
    error::BoxError,
};
use crate::context::{
    Coroutine, Owned,
    coroutine::{Driver as _, HeapFrame, Step},
};

/// A main context that has not been set up: what a function under
/// [`#[main_context]`](macro@crate::main_context) returns.
///
/// Give the function itself to [`Server::main_context`](super::Server::main_context).
#[must_use = "a main context does nothing by itself: give its function to `Server::main_context`"]
pub struct MainContext<C: Coroutine> {
    coroutine: C,
    finish: Finish<C>,
}

impl<C: Coroutine> MainContext<C> {
    /// `coroutine` must wait for nothing but its yield.
    #[doc(hidden)]
    pub fn new(coroutine: C) -> Self
    where
        C: Coroutine<Resume = Signal, Future: Future<Output: ServerOutcome>>,
    {
        Self {
            coroutine,
            finish: ServerOutcome::into_result,
        }
    }
}

impl<C: Coroutine> fmt::Debug for MainContext<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainContext").finish_non_exhaustive()
    }
}

/// What [`Server::main_context`](super::Server::main_context) takes: a function that makes a
/// [`MainContext`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the main context must be a `#[main_context]` function that takes nothing",
    label = "this is `{Self}`"
)]
pub trait IntoMainContext {
    /// What it yields, for the workers.
    type Value: 'static;
    type Entered: EnteredMainContext<Value = Self::Value>;

    /// Runs the main context up to its `yield_!`.
    fn enter(self) -> Result<Self::Entered, BoxError>;
}

/// A main context at its `yield_!`.
#[doc(hidden)]
pub trait EnteredMainContext: 'static {
    type Value: 'static;

    /// In a worker: what it yielded, never to be dropped here.
    fn leak(self) -> &'static Self::Value;

    /// In the parent: drops what it yielded and runs it from the `yield_!` to its end.
    fn exit(self, signal: Signal) -> Result<(), BoxError>;
}

#[diagnostic::do_not_recommend]
impl<F, C, V: 'static> IntoMainContext for F
where
    F: FnOnce() -> MainContext<C>,
    C: Coroutine<Lend = Owned<V>, Resume = Signal, Future: 'static>,
{
    type Value = V;
    type Entered = Entered<V, C::Future>;

    fn enter(self) -> Result<Self::Entered, BoxError> {
        let MainContext { coroutine, finish } = self();
        let mut frame = HeapFrame::start(coroutine);
        match Pin::new(&mut frame).poll_setup(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Step::Yielded) => Ok(Entered { frame, finish }),
            Poll::Ready(Step::Ended(output)) => {
                finish(output)?;
                Err("it returned without reaching its `yield_!`".into())
            }
            Poll::Pending => Err(WAITS.into()),
        }
    }
}

const WAITS: &str = "it waits for something other than its `yield_!`, and there is no runtime";

/// A frame that stands at its yield.
#[doc(hidden)]
pub struct Entered<V: 'static, F: Future> {
    frame: HeapFrame<Owned<V>, Signal, F>,
    finish: fn(F::Output) -> Result<(), BoxError>,
}

impl<V: 'static, F: Future> fmt::Debug for Entered<V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

impl<V: 'static, F: Future + 'static> EnteredMainContext for Entered<V, F> {
    type Value = V;

    fn leak(self) -> &'static V {
        Box::leak(Box::new(self.frame)).value()
    }

    fn exit(self, signal: Signal) -> Result<(), BoxError> {
        let Self { mut frame, finish } = self;
        Pin::new(&mut frame).resume(signal);
        match Pin::new(&mut frame).poll_cleanup(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => finish(output),
            Poll::Pending => Err(WAITS.into()),
        }
    }
}

/// The main context of a server that has none.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct NoMainContext;

impl IntoMainContext for NoMainContext {
    type Value = ();
    type Entered = Self;

    fn enter(self) -> Result<Self, BoxError> {
        Ok(self)
    }
}

impl EnteredMainContext for NoMainContext {
    type Value = ();

    fn leak(self) -> &'static () {
        &()
    }

    fn exit(self, _: Signal) -> Result<(), BoxError> {
        Ok(())
    }
}

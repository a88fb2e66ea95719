//! What a stack of cleanups is made of.

use std::fmt;
use std::task::{Context, Poll, Waker};

use super::error::AnyError;
use crate::cleanup::detach;
use crate::context::coroutine::{Body, Coroutine, HeapFrame, LentFrame, Output, YieldPoint};
use crate::context::lend::{Lend, Owned};
use crate::context::managed::{Cleanup, Managed};
use crate::context::mapped::{Map, Mapped};
use crate::context::spec::{About, Spec};
use crate::context::{Exit, Outcome};

/// The second half of a manager, or a callback: a manager that was entered when it was pushed.
pub(crate) type Entry = Cleanup<LentFrame<AnyError>>;

/// A manager on its way to become an entry.
pub(crate) type Arriving<C> = Managed<
    HeapFrame<<C as Coroutine>::Lend, Exit, Map<<C as Coroutine>::Future, Result<(), AnyError>>>,
>;

/// Starts a manager whose errors are kept beside those of others.
pub(crate) fn arriving<C>(coroutine: C, about: &'static About) -> Arriving<C>
where
    C: Coroutine<Resume = Exit, Lend: 'static>,
    C::Lend: for<'a> Lend<'a, Value: Send>,
    C::Future: Future<Output: Outcome<Error: Send + Sync + 'static>> + Send + 'static,
{
    let coroutine = Mapped {
        coroutine,
        map: |outcome: Output<C>| outcome.into_result().map_err(AnyError::new),
    };
    Managed::new(HeapFrame::start(coroutine), spec(about), detach::shared())
}

fn spec(about: &'static About) -> Spec<Result<(), AnyError>> {
    Spec {
        about,
        timed_out: |timed_out| Err(AnyError::new(timed_out)),
        erase: |error| Some(error.as_any()),
    }
}

/// A callback as an entry: its future is made when it is told why.
pub(crate) fn callback<F, T>(
    about: &'static About,
    callback: impl FnOnce(Exit) -> F + Send + 'static,
) -> Entry
where
    F: Future<Output = T> + Send + 'static,
    T: Outcome<Error: Send + Sync + fmt::Debug + 'static>,
{
    let coroutine = Body::new(move |point: YieldPoint<Owned<()>, Exit>| async move {
        let exit = point.lend(()).await;
        callback(exit).await
    });
    let mut arriving = arriving(coroutine, about);
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = arriving.pinned().poll_setup(&mut cx) else {
        unreachable!("it yields at once");
    };
    arriving.into_cleanup(|frame| (frame.erase_lent(), ())).0
}

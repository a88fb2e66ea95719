//! Entering a manager: the future of its first half.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::coroutine::HeapFrame;
use super::exit::Exit;
use super::guard::Guard;
use super::lend::Lend;
use super::managed::Managed;
use super::outcome::Outcome;

/// The set-up of a manager: what `manager().await` and [`Manager::enter`](super::Manager::enter) run.
///
/// Dropped before the yield was reached, it drops what the set-up had made so far. Nothing is
/// detached: the manager was never entered, so there is no cleanup to run. Managers that the set-up
/// itself had entered clean up by their own guarantee.
#[must_use = "a manager is entered when this is awaited"]
pub struct Enter<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    /// `None` once it has been entered.
    pub(crate) managed: Option<Managed<HeapFrame<L, Exit, F>>>,
}

impl<L, F> Unpin for Enter<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
}

impl<L, F> Future for Enter<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    type Output = <F::Output as Outcome>::With<Guard<L, F>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let managed = self.managed.as_mut().expect("polled after it was done");
        let about = managed.spec().about;
        if let Err(outcome) = ready!(managed.pinned().poll_setup(cx)) {
            return Poll::Ready(outcome.before_yield(about.name));
        }
        let managed = self.managed.take().expect("it was there to be polled");
        Poll::Ready(F::Output::good(Guard { managed }))
    }
}

impl<L, F> fmt::Debug for Enter<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enter").finish_non_exhaustive()
    }
}

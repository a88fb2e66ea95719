//! Entering a manager: the future of its first half.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::coroutine::{HeapFrame, OutputOf, Step};
use super::entered::{Detach, Entered, ManagerDriver};
use super::exit::Exit;
use super::guard::Guard;
use super::lend::Lend;
use super::outcome::Outcome;
use super::spec::Spec;
use crate::cleanup::Home;

/// A manager on its way to the yield.
pub(crate) struct Entering<D: ManagerDriver> {
    /// `None` once it stands at its yield, or has ended.
    driver: Option<D>,
    pub(crate) spec: Spec<OutputOf<D>>,
    detach: Detach<D>,
}

impl<D: ManagerDriver> Entering<D> {
    pub(crate) fn new(driver: D, spec: Spec<OutputOf<D>>, detach: Detach<D>) -> Self {
        Self {
            driver: Some(driver),
            spec,
            detach,
        }
    }

    /// Runs the set-up: to a manager that stands at its yield, or to the outcome of one that ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Entered<D>, OutputOf<D>>> {
        let driver = self.driver.as_mut().expect("polled after it was done");
        let step = ready!(driver.poll_setup(cx));
        let driver = self.driver.take();
        Poll::Ready(match (step, driver) {
            (Step::Yielded, Some(driver)) => Ok(Entered::new(
                driver,
                self.spec,
                Home::current(),
                self.detach,
            )),
            (Step::Ended(outcome), _) => Err(outcome),
            (Step::Yielded, None) => unreachable!("taken above"),
        })
    }
}

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
    pub(crate) entering: Entering<HeapFrame<L, Exit, F>>,
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

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.entering.poll(cx)) {
            Ok(entered) => F::Output::good(Guard { entered }),
            Err(outcome) => outcome.before_yield(self.entering.spec.name),
        })
    }
}

impl<L, F> fmt::Debug for Enter<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enter")
            .field("manager", &self.entering.spec.name)
            .finish_non_exhaustive()
    }
}

//! A manager from its start to its end: what guards, scopes and `exit` futures are made of.
//!
//! # Stages
//!
//! | stage     | the coroutine | moves on to                                      | dropped here      |
//! |-----------|---------------|--------------------------------------------------|-------------------|
//! | `Setup`   | before yield  | `Entered`, at the yield; the end, if it returns  | just dropped      |
//! | `Entered` | at its yield  | `Resumed`, by `resume`                           | resumed, detached |
//! | `Resumed` | behind it     | the end                                          | detached          |
//! | `Polled`  | is running    | back, unless it panics                           | just dropped      |
//!
//! A manager that has ended is `None`. `Polled` is left behind by a panic only: whoever drops it then
//! knows that there is nothing to go on with.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;

use super::catch_unwind::{CatchUnwind, Panic};
use super::coroutine::{Driver, Halves, LendOf, OutputOf, SecondHalf, Step};
use super::exit::Exit;
use super::lend::Lend;
use super::outcome::Outcome;
use super::spec::Spec;
use crate::cleanup::{CleanupTimedOut, Home, report, stats};

/// A driver of a manager, as opposed to one of a worker.
pub(crate) trait ManagerDriver:
    Driver<Frame: SecondHalf<Resume = Exit, Output: Outcome>>
{
}

impl<D: Driver<Frame: SecondHalf<Resume = Exit, Output: Outcome>>> ManagerDriver for D {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Setup,
    Entered,
    Resumed,
    Polled,
}

/// A coroutine with what is known about it. The second half of it is the cleanup.
pub(crate) struct Cleanup<D: ManagerDriver> {
    driver: D,
    pub(crate) spec: Spec<OutputOf<D>>,
    stage: Stage,
    /// Why it was resumed, once it was.
    exit: Exit,
    /// The limit of `spec`, started with the first poll of the cleanup. On the heap, so that a manager
    /// without a limit does not carry a timer around.
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<D: ManagerDriver> Cleanup<D> {
    #[inline]
    pub(crate) fn resume(&mut self, exit: Exit) {
        stats::count_exit(exit);
        self.exit = exit;
        self.stage = Stage::Resumed;
        self.driver.resume(exit);
    }

    /// Why it runs.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Runs the cleanup, for at most as long as it may take.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        match (self.poll_untimed(cx), self.spec.about.cleanup_timeout) {
            (Poll::Ready(output), _) => Poll::Ready(Ok(output)),
            (Poll::Pending, None) => Poll::Pending,
            (Poll::Pending, Some(limit)) => self.poll_timer(limit, cx).map(Err),
        }
    }

    /// Runs the cleanup, without a look at the time.
    #[inline]
    pub(crate) fn poll_untimed(&mut self, cx: &mut Context<'_>) -> Poll<OutputOf<D>> {
        self.stage = Stage::Polled;
        let polled = self.driver.poll_cleanup(cx);
        self.stage = Stage::Resumed;
        polled
    }

    #[cold]
    fn poll_timer(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<CleanupTimedOut> {
        if self.timer.is_none() && Handle::try_current().is_err() {
            // Nothing here can tell the time, and a cleanup is not to fail for that.
            return Poll::Pending;
        }
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| {
            stats::count_timed_out();
            CleanupTimedOut::new(self.spec.about.name, self.exit, limit)
        })
    }

    /// Takes the timer, if it has been started, over to the runtime that runs the cleanup from now on:
    /// the one where it was started may end first.
    pub(crate) fn move_timer(&mut self) {
        if let Some(timer) = &mut self.timer {
            *timer = Box::pin(tokio::time::sleep_until(timer.deadline()));
        }
    }
}

/// Who takes over the cleanup of a manager that is dropped, and where.
pub(crate) struct Kind<D: ManagerDriver> {
    /// Called when the manager is entered.
    pub(crate) home: fn() -> Home,
    pub(crate) detach: fn(Cleanup<D>, Home),
}

impl<D: ManagerDriver> Clone for Kind<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ManagerDriver> Copy for Kind<D> {}

/// A manager that is somebody's to run and to leave. Dropped, it hands its cleanup over.
pub(crate) struct Managed<D: ManagerDriver> {
    /// `None` once it has ended, one way or the other.
    cleanup: Option<Cleanup<D>>,
    /// Where it was entered, once that has been noted: to find out costs as much as all the rest of a manager that never waits.
    home: Option<Home>,
    kind: Kind<D>,
}

pin_project_lite::pin_project! {
    /// The body of a scope. When it first waits, it notes where the manager was entered; until then nobody can have taken it elsewhere.
    struct Noting<'m, F> {
        #[pin]
        body: F,
        home: &'m mut Option<Home>,
        find: fn() -> Home,
    }
}

impl<F: Future> Future for Noting<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.body.poll(cx);
        if polled.is_pending() {
            this.home.get_or_insert_with(*this.find);
        }
        polled
    }
}

impl<D: ManagerDriver> Managed<D> {
    #[inline]
    pub(crate) fn new(driver: D, spec: Spec<OutputOf<D>>, kind: Kind<D>) -> Self {
        Self {
            cleanup: Some(Cleanup {
                driver,
                spec,
                stage: Stage::Setup,
                exit: Exit::Cancelled,
                timer: None,
            }),
            home: None,
            kind,
        }
    }

    #[inline]
    fn get(&self) -> &Cleanup<D> {
        self.cleanup.as_ref().expect("the manager has ended")
    }

    #[inline]
    fn get_mut(&mut self) -> &mut Cleanup<D> {
        self.cleanup.as_mut().expect("the manager has ended")
    }

    #[inline]
    pub(crate) fn spec(&self) -> Spec<OutputOf<D>> {
        self.get().spec
    }

    #[inline]
    pub(crate) fn driver(&self) -> &D {
        &self.get().driver
    }

    #[inline]
    pub(crate) fn driver_mut(&mut self) -> &mut D {
        &mut self.get_mut().driver
    }

    /// Runs the set-up: to the yield, or to the outcome of a manager that ended before.
    #[inline]
    pub(crate) fn poll_setup(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OutputOf<D>>>
    where
        D::Frame: Halves,
    {
        let polled = self.poll_setup_of_scope(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.home = Some((self.kind.home)());
        }
        polled
    }

    /// As [`poll_setup`](Self::poll_setup), for whoever goes on with [`lend_to`](Self::lend_to) in the same poll.
    #[inline]
    pub(crate) fn poll_setup_of_scope(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), OutputOf<D>>>
    where
        D::Frame: Halves,
    {
        let cleanup = self.get_mut();
        match cleanup.driver.poll_setup(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Step::Yielded) => {
                cleanup.stage = Stage::Entered;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Step::Ended(outcome)) => {
                self.cleanup = None;
                Poll::Ready(Err(outcome))
            }
        }
    }

    /// Gives the value to `body` and runs it, as [`Driver::lend_to`].
    #[inline]
    pub(crate) fn lend_to<T, B>(&mut self, body: B) -> impl Future<Output = Result<T, Panic>>
    where
        D::Frame: Halves,
        B: for<'a> AsyncFnOnce(<LendOf<D> as Lend<'a>>::Value) -> T,
    {
        let cleanup = self.cleanup.as_mut().expect("the manager has ended");
        Noting {
            body: cleanup.driver.lend_to(body),
            home: &mut self.home,
            find: self.kind.home,
        }
    }

    #[inline]
    pub(crate) fn resume(&mut self, exit: Exit) {
        self.get_mut().resume(exit);
    }

    /// Says where its cleanup goes on if it is dropped, other than where it was entered.
    pub(crate) fn at_home(mut self, home: Home) -> Self {
        self.home = Some(home);
        self
    }

    /// Gives the cleanup of an entered manager to somebody else to run, with another driver.
    pub(crate) fn into_cleanup<N, T>(mut self, change: impl FnOnce(D) -> (N, T)) -> (Cleanup<N>, T)
    where
        N: ManagerDriver<Frame: SecondHalf<Output = OutputOf<D>>>,
    {
        let cleanup = self.cleanup.take().expect("the manager has ended");
        let (driver, with) = change(cleanup.driver);
        let cleanup = Cleanup {
            driver,
            spec: cleanup.spec,
            stage: cleanup.stage,
            exit: cleanup.exit,
            timer: cleanup.timer,
        };
        (cleanup, with)
    }

    /// Runs the cleanup. A panic of it comes out of here, and ends it.
    #[inline]
    pub(crate) fn poll_cleanup(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        let polled = self.get_mut().poll(cx);
        if polled.is_ready() {
            self.cleanup = None;
        } else {
            self.home.get_or_insert_with(self.kind.home);
        }
        polled
    }

    /// The cleanup as a future, for one that has been resumed.
    #[inline]
    pub(crate) fn run_cleanup(
        &mut self,
    ) -> impl Future<Output = Result<OutputOf<D>, CleanupTimedOut>> {
        poll_fn(|cx| self.poll_cleanup(cx))
    }

    /// Resumes and runs the cleanup when something else has gone wrong already: that comes first, so an
    /// error or panic of the cleanup goes to the error hook.
    pub(crate) async fn exit_behind(&mut self, exit: Exit) {
        let spec = self.spec();
        self.resume(exit);
        match CatchUnwind::new(self.run_cleanup()).await {
            Ok(Ok(outcome)) => report::outcome(&spec, exit, outcome),
            Ok(Err(timed_out)) => report::timed_out(&timed_out),
            Err(panic) => report::panic(spec.about.name, exit, &panic),
        }
    }
}

impl<D: ManagerDriver> Drop for Managed<D> {
    #[inline]
    fn drop(&mut self) {
        if self.cleanup.is_some() {
            self.drop_early();
        }
    }
}

impl<D: ManagerDriver> Managed<D> {
    #[cold]
    fn drop_early(&mut self) {
        let Some(mut cleanup) = self.cleanup.take() else {
            return;
        };
        let mut resumed = Ok(());
        match cleanup.stage {
            Stage::Setup => return,
            Stage::Polled => return stats::count_panic(),
            // The value may panic in its drop. The body can go on all the same, and has to (G1).
            Stage::Entered => {
                let exit = Exit::on_drop();
                resumed = catch_unwind(AssertUnwindSafe(|| cleanup.resume(exit)));
            }
            Stage::Resumed => {}
        }
        let home = self.home.take().unwrap_or_else(self.kind.home);
        (self.kind.detach)(cleanup, home);
        if let Err(panic) = resumed {
            resume_unwind(panic);
        }
    }
}

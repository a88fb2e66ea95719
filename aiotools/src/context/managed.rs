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

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};

use super::coroutine::{Driver, Halves, OutputOf, SecondHalf, Step};
use super::exit::Exit;
use super::outcome::Outcome;
use super::spec::Spec;
use crate::cleanup::detach::Bound;
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

/// On the heap, so that a manager without a limit does not carry a timer around; and without its type, so that
/// to drop none is a test and no call.
struct Timer {
    deadline: Instant,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Timer {
    fn until(deadline: Instant) -> Box<Self> {
        Box::new(Self {
            deadline,
            sleep: Box::pin(sleep_until(deadline)),
        })
    }
}

pin_project! {
    /// A coroutine with what is known about it. The second half of it is the cleanup.
    pub(crate) struct Cleanup<D: ManagerDriver> {
        #[pin]
        driver: D,
        pub(crate) spec: Spec<OutputOf<D>>,
        stage: Stage,
        // Why it was resumed, once it was.
        exit: Exit,
        // The limit of `spec`, started with the first poll of the cleanup.
        timer: Option<Box<Timer>>,
    }
}

impl<D: ManagerDriver> Cleanup<D> {
    #[inline]
    pub(crate) fn resume(self: Pin<&mut Self>, exit: Exit) {
        let this = self.project();
        stats::count_exit(exit);
        *this.exit = exit;
        *this.stage = Stage::Resumed;
        this.driver.resume(exit);
    }

    /// Why it runs.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Runs the cleanup, for at most as long as it may take.
    #[inline]
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        match self.as_mut().poll_untimed(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_timer(cx).map(Err),
        }
    }

    /// Runs the cleanup, without a look at the time.
    #[inline]
    pub(crate) fn poll_untimed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OutputOf<D>> {
        let this = self.project();
        *this.stage = Stage::Polled;
        let polled = this.driver.poll_cleanup(cx);
        *this.stage = Stage::Resumed;
        polled
    }

    /// Ready when the limit has passed, if there is one.
    fn poll_timer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CleanupTimedOut> {
        let this = self.project();
        let Some(limit) = this.spec.about.cleanup_timeout else {
            return Poll::Pending;
        };
        if this.timer.is_none() && Handle::try_current().is_err() {
            // Nothing here can tell the time, and a cleanup is not to fail for that.
            return Poll::Pending;
        }
        let timer = this
            .timer
            .get_or_insert_with(|| Timer::until(sleep(limit).deadline()));
        timer.sleep.as_mut().poll(cx).map(|()| {
            stats::count_timed_out();
            CleanupTimedOut::new(this.spec.about.name, *this.exit, limit)
        })
    }

    /// Takes the timer, if it has been started, over to the runtime that runs the cleanup from now on:
    /// the one where it was started may end first.
    pub(crate) fn move_timer(self: Pin<&mut Self>) {
        if let Some(timer) = self.project().timer {
            *timer = Timer::until(timer.deadline);
        }
    }
}

/// Who takes over the cleanup of a manager that is dropped, and where.
pub(crate) struct Kind<D: ManagerDriver> {
    pub(crate) bound: Bound,
    /// Leaves `None` behind.
    pub(crate) detach: fn(Pin<&mut Option<Cleanup<D>>>, Home),
}

impl<D: ManagerDriver> Clone for Kind<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ManagerDriver> Copy for Kind<D> {}

pin_project! {
    /// A manager that is somebody's to run and to leave. Dropped, it hands its cleanup over.
    pub(crate) struct Managed<D: ManagerDriver> {
        // `None` once it has ended, one way or the other.
        #[pin]
        cleanup: Option<Cleanup<D>>,
        // Where it was entered, once that has been noted: to find out costs as much as all the rest of a manager that never waits.
        home: Option<Home>,
        kind: Kind<D>,
    }

    impl<D: ManagerDriver> PinnedDrop for Managed<D> {
        fn drop(this: Pin<&mut Self>) {
            if this.cleanup.is_some() {
                this.drop_early();
            }
        }
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
    fn running(self: Pin<&mut Self>) -> Pin<&mut Cleanup<D>> {
        let cleanup = self.project().cleanup.as_pin_mut();
        cleanup.expect("the manager has ended")
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
    pub(crate) fn driver_mut(&mut self) -> &mut D
    where
        D: Unpin,
    {
        Pin::new(self).driver_pinned().get_mut()
    }

    #[inline]
    pub(crate) fn driver_pinned(self: Pin<&mut Self>) -> Pin<&mut D> {
        self.running().project().driver
    }

    /// For one that may move.
    #[inline]
    pub(crate) fn pinned(&mut self) -> Pin<&mut Self>
    where
        D: Unpin,
    {
        Pin::new(self)
    }

    /// Runs the set-up: to the yield, or to the outcome of a manager that ended before.
    #[inline]
    pub(crate) fn poll_setup(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), OutputOf<D>>>
    where
        D::Frame: Halves,
    {
        let polled = self.as_mut().poll_setup_of_scope(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.note_home();
        }
        polled
    }

    /// As [`poll_setup`](Self::poll_setup), for whoever goes on in the same poll, and notes where that was if it waits.
    #[inline]
    pub(crate) fn poll_setup_of_scope(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), OutputOf<D>>>
    where
        D::Frame: Halves,
    {
        let cleanup = self.as_mut().running().project();
        match cleanup.driver.poll_setup(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Step::Yielded) => {
                *cleanup.stage = Stage::Entered;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Step::Ended(outcome)) => {
                self.project().cleanup.set(None);
                Poll::Ready(Err(outcome))
            }
        }
    }

    /// Notes where it was entered, if that has not been done: when it first waits. Until then nobody can have taken it elsewhere.
    #[inline]
    pub(crate) fn note_home(self: Pin<&mut Self>) {
        let this = self.project();
        let bound = this.kind.bound;
        this.home.get_or_insert_with(|| bound.home());
    }

    #[inline]
    pub(crate) fn resume(self: Pin<&mut Self>, exit: Exit) {
        self.running().resume(exit);
    }

    /// Says where its cleanup goes on if it is dropped, other than where it was entered.
    pub(crate) fn at_home(mut self, home: Home) -> Self {
        self.home = Some(home);
        self
    }

    /// Gives the cleanup of an entered manager to somebody else to run, with another driver.
    pub(crate) fn into_cleanup<N, T>(mut self, change: impl FnOnce(D) -> (N, T)) -> (Cleanup<N>, T)
    where
        D: Unpin,
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        let polled = self.as_mut().running().poll(cx);
        if polled.is_ready() {
            self.project().cleanup.set(None);
        } else {
            self.note_home();
        }
        polled
    }

    /// As [`poll_cleanup`](Self::poll_cleanup), for a caller who sees the outcome.
    #[inline]
    pub(crate) fn poll_exit(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OutputOf<D>> {
        match self.as_mut().running().poll_untimed(cx) {
            Poll::Ready(outcome) => {
                self.project().cleanup.set(None);
                Poll::Ready(outcome)
            }
            Poll::Pending => self.wait(cx),
        }
    }

    /// What a cleanup does when it first waits, and whenever it goes on to wait.
    fn wait(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OutputOf<D>> {
        self.as_mut().note_home();
        let cleanup = self.as_mut().running();
        let timed_out = cleanup.spec.timed_out;
        let late = ready!(cleanup.poll_timer(cx));
        self.project().cleanup.set(None);
        Poll::Ready(timed_out(late))
    }

    /// As [`poll_cleanup`](Self::poll_cleanup), when something else has gone wrong already: that comes first, so an
    /// error or panic of the cleanup goes to the error hook.
    #[cold]
    pub(crate) fn poll_exit_behind(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (spec, exit) = (self.spec(), self.get().exit);
        match catch_unwind(AssertUnwindSafe(|| self.poll_cleanup(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(outcome))) => report::outcome(&spec, exit, outcome),
            Ok(Poll::Ready(Err(timed_out))) => report::timed_out(&timed_out),
            Err(panic) => report::panic(spec.about.name, exit, &panic),
        }
        Poll::Ready(())
    }
}

impl<D: ManagerDriver> Managed<D> {
    #[cold]
    fn drop_early(self: Pin<&mut Self>) {
        let mut this = self.project();
        let Some(mut cleanup) = this.cleanup.as_mut().as_pin_mut() else {
            return;
        };
        let mut resumed = Ok(());
        match cleanup.stage {
            Stage::Setup => return,
            Stage::Polled => return stats::count_panic(),
            // The value may panic in its drop. The body can go on all the same, and has to (G1).
            Stage::Entered => {
                let exit = Exit::on_drop();
                resumed = catch_unwind(AssertUnwindSafe(|| cleanup.as_mut().resume(exit)));
            }
            Stage::Resumed => {}
        }
        let home = this.home.take().unwrap_or_else(|| this.kind.bound.home());
        (this.kind.detach)(this.cleanup, home);
        if let Err(panic) = resumed {
            resume_unwind(panic);
        }
    }
}

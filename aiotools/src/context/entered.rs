//! A manager between its yield and its end: what guards, scopes and exits are made of.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::catch_unwind::CatchUnwind;
use super::coroutine::{Driver, OutputOf};
use super::exit::Exit;
use super::outcome::Outcome;
use super::spec::Spec;
use crate::cleanup::{CleanupTimedOut, Home, report, stats};

/// A driver of a manager, as opposed to one of a worker.
pub(crate) trait ManagerDriver:
    Driver<Resume = Exit, Future: Future<Output: Outcome>>
{
}

impl<D: Driver<Resume = Exit, Future: Future<Output: Outcome>>> ManagerDriver for D {}

/// The second half of a manager: suspended at first, running once it has been resumed.
pub(crate) struct Cleanup<D: ManagerDriver> {
    driver: D,
    pub(crate) spec: Spec<OutputOf<D>>,
    /// Why it was resumed, once it was.
    exit: Option<Exit>,
    /// The limit of `spec`, started with the first poll. On the heap, so that a manager without a
    /// limit does not carry a timer around.
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<D: ManagerDriver> Cleanup<D> {
    fn resume(&mut self, exit: Exit) {
        stats::count_exit(exit);
        self.exit = Some(exit);
        self.driver.resume(exit);
    }

    /// Why it runs.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.expect("a cleanup that runs was resumed")
    }

    /// Runs the cleanup, for at most as long as it may take.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        if let Poll::Ready(output) = self.driver.poll_cleanup(cx) {
            return Poll::Ready(Ok(output));
        }
        let Some(limit) = self.spec.cleanup_timeout else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| {
            stats::count_timed_out();
            Err(CleanupTimedOut::new(self.spec.name, self.exit(), limit))
        })
    }
}

/// Who takes over the cleanup of a manager that is dropped. The kinds of manager differ in this.
pub(crate) type Detach<D> = fn(Cleanup<D>, Home);

/// A manager that was entered and is somebody's to leave. Dropped, it hands its cleanup over.
pub(crate) struct Entered<D: ManagerDriver> {
    /// `None` once the cleanup has ended, one way or the other.
    cleanup: Option<Cleanup<D>>,
    home: Home,
    detach: Detach<D>,
}

impl<D: ManagerDriver> Entered<D> {
    /// For a driver that stands at its yield point.
    pub(crate) fn new(driver: D, spec: Spec<OutputOf<D>>, home: Home, detach: Detach<D>) -> Self {
        stats::count_entered();
        Self {
            cleanup: Some(Cleanup {
                driver,
                spec,
                exit: None,
                timer: None,
            }),
            home,
            detach,
        }
    }

    fn cleanup_mut(&mut self) -> &mut Cleanup<D> {
        self.cleanup.as_mut().expect("the cleanup has ended")
    }

    pub(crate) fn spec(&self) -> &Spec<OutputOf<D>> {
        &self.cleanup.as_ref().expect("the cleanup has ended").spec
    }

    pub(crate) fn driver(&self) -> &D {
        &self.cleanup.as_ref().expect("the cleanup has ended").driver
    }

    pub(crate) fn driver_mut(&mut self) -> &mut D {
        &mut self.cleanup_mut().driver
    }

    pub(crate) fn resume(&mut self, exit: Exit) {
        self.cleanup_mut().resume(exit);
    }

    /// Runs the cleanup. A panic of it comes out of here, and ends it.
    pub(crate) fn poll_cleanup(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OutputOf<D>, CleanupTimedOut>> {
        let cleanup = self.cleanup_mut();
        match catch_unwind(AssertUnwindSafe(|| cleanup.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(ended)) => {
                self.cleanup = None;
                Poll::Ready(ended)
            }
            Err(panic) => {
                stats::count_panic();
                self.cleanup = None;
                resume_unwind(panic)
            }
        }
    }

    async fn run_cleanup(&mut self, exit: Exit) -> Result<OutputOf<D>, CleanupTimedOut> {
        self.resume(exit);
        poll_fn(|cx| self.poll_cleanup(cx)).await
    }

    /// Resumes with `exit` and runs the cleanup to its end.
    pub(crate) async fn exit(&mut self, exit: Exit) -> OutputOf<D> {
        let timed_out = self.cleanup_mut().spec.timed_out;
        self.run_cleanup(exit).await.unwrap_or_else(timed_out)
    }

    /// As [`exit`](Self::exit), for when something else has gone wrong already: that comes first,
    /// so an error or panic of the cleanup goes to the error hook.
    pub(crate) async fn exit_behind(&mut self, exit: Exit) {
        let spec = self.cleanup_mut().spec;
        match CatchUnwind::new(self.run_cleanup(exit)).await {
            Ok(Ok(outcome)) => report::outcome(&spec, exit, outcome),
            Ok(Err(timed_out)) => report::timed_out(&timed_out),
            Err(panic) => report::panic(spec.name, exit, &panic),
        }
    }
}

impl<D: ManagerDriver> Drop for Entered<D> {
    fn drop(&mut self) {
        if let Some(mut cleanup) = self.cleanup.take() {
            if cleanup.exit.is_none() {
                cleanup.resume(Exit::on_drop());
            }
            (self.detach)(cleanup, std::mem::take(&mut self.home));
        }
    }
}

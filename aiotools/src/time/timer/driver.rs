//! The one task that runs all timers of a runtime, or of a group.
//!
//! It takes what is due out of the [`Table`] in batches, runs it without the lock, puts it back, and sleeps until the wheel says so. A
//! tick that suspends is moved, with the future that it has begun, to a task of its own ([`Runner`]), so that it is polled by
//! the waker that it has left; the poll before that had a waker that does nothing, and the first poll in the new task makes up for it.
//!
//! In a group, the driver is a child of that group: the group waits for it, and cancels it. What it drives is cancelled with it, and
//! handed to the node of the driver, for which the group waits too (G2).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{runtime::Handle, time::Sleep};

use super::{
    shared::{Shared, abandon, discard},
    table::{Closed, Due, Left},
    tick,
};
use crate::{
    cancel::{CancelReason, ReasonKind},
    task::{
        BoxError,
        engine::{Node, Waiting},
    },
};

/// How many ticks are taken out at once, and how many are run before others get a turn.
const BATCH: usize = 32;
const TURN: usize = 256;

/// What there is to do next.
enum Next {
    /// The batch.
    Run,
    /// To sleep, until so many ms, or until woken.
    Sleep(Option<u64>),
    /// To end: there are no timers any more.
    End,
}

/// The future of the driver.
pub(super) struct Driver {
    shared: Arc<Shared>,
    /// Where the ticks go that are tasks. Not in `shared`, which may outlive the runtime.
    runtime: Handle,
    sleep: Option<Pin<Box<Sleep>>>,
    batch: Vec<Due>,
    winding_down: Option<Vec<(Arc<Node>, Waiting)>>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, runtime: Handle) -> Self {
        Self {
            shared,
            runtime,
            sleep: None,
            batch: Vec::new(),
            winding_down: None,
        }
    }

    /// Who has asked the group's children to end, if somebody has.
    fn asked(&self) -> Option<&Arc<Node>> {
        self.shared.node.as_ref()?.any_request()
    }

    /// The group has asked its children to wind down: no more ticks, and those that run hear of it. Ready when they have ended.
    fn wind_down(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.winding_down.is_none() {
            let reason = self.asked().map(|node| node.reason()).unwrap_or_default();
            let running = self.shared.lock().running();
            for node in &running {
                if let Some(family) = &node.family {
                    family.cancel(&reason, false);
                }
            }
            let running = running.into_iter().map(|node| (node, Waiting::default()));
            self.winding_down = Some(running.collect());
        }
        let running = self.winding_down.get_or_insert_default();
        running.retain_mut(|(node, waiting)| {
            // Before the look, so that no end is missed.
            waiting.watch(node, cx.waker());
            !node.try_close()
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Sleeps until the next tick. Ready if it is due now.
    fn sleep_until(&mut self, next: u64, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.shared.instant(Duration::from_millis(next)) else {
            return Poll::Pending;
        };
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        // Not under the budget of the task, which the ticks may have used up.
        let mut sleep = std::pin::pin!(tokio::task::coop::unconstrained(sleep.as_mut()));
        sleep.as_mut().poll(cx)
    }

    /// Puts the batch back, and takes the next one, if there is to be `more`.
    fn swap(&mut self, more: bool, now: u64, waker: &Waker) -> Next {
        let (left, next) = {
            let mut table = self.shared.lock();
            table.see(now);
            let left = table.put_back(&mut self.batch);
            let next = if table.alive == 0 {
                Next::End
            } else if more {
                let known = table.driver.as_ref();
                if known.is_none_or(|known| !known.will_wake(waker)) {
                    table.driver = Some(waker.clone());
                }
                table.collect(&mut self.batch, BATCH);
                if self.batch.is_empty() {
                    table.sleeps_until = table.next();
                    Next::Sleep(table.sleeps_until)
                } else {
                    // While it runs, it looks by itself.
                    table.sleeps_until = Some(0);
                    Next::Run
                }
            } else {
                Next::Run
            };
            (left, next)
        };
        let Left {
            garbage,
            stopped,
            wakers,
        } = left;
        for (node, unheld) in stopped {
            node.cancel_children(&CancelReason::of(ReasonKind::Requested));
            if unheld {
                abandon(&node, &CancelReason::of(ReasonKind::Dropped));
            }
        }
        discard(garbage);
        wakers.into_iter().for_each(Waker::wake);
        next
    }

    /// All timers have stopped: a new one gets a new driver.
    fn close(&mut self) -> Poll<Result<(), BoxError>> {
        self.shared.lock().closed = true;
        super::drivers::forget(&self.shared);
        Poll::Ready(Ok(()))
    }
}

impl Future for Driver {
    type Output = Result<(), BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut now = this.shared.now();
        let mut ran = 0;
        loop {
            let ends = this.winding_down.is_some() || this.asked().is_some();
            let others = ran >= TURN || !tokio::task::coop::has_budget_remaining();
            let more = !ends && !others;
            let next = this.swap(more, now, cx.waker());
            if ends {
                return match this.wind_down(cx) {
                    Poll::Ready(()) => this.close(),
                    Poll::Pending => Poll::Pending,
                };
            }
            match next {
                Next::End => return this.close(),
                Next::Run if others => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Next::Run => {
                    ran += this.batch.len();
                    tick::run(&this.shared, &this.runtime, &mut this.batch);
                }
                Next::Sleep(None) => return Poll::Pending,
                Next::Sleep(Some(at)) => {
                    if this.sleep_until(at, cx).is_pending() {
                        return Poll::Pending;
                    }
                    now = this.shared.now();
                }
            }
        }
    }
}

impl Drop for Driver {
    /// The group was cancelled, or the runtime went away: all timers stop.
    fn drop(&mut self) {
        super::drivers::forget(&self.shared);
        // A batch is only there if a panic of the library itself came in between.
        discard(std::mem::take(&mut self.batch));
        let reason = match self.asked() {
            Some(node) => node.reason(),
            None => CancelReason::of(ReasonKind::Shutdown),
        };
        let Closed {
            garbage,
            running,
            wakers,
        } = self.shared.lock().close();
        for home in running {
            abandon(&home, &reason);
        }
        discard(garbage);
        wakers.into_iter().for_each(Waker::wake);
    }
}

//! [`Timer`]: a timer, seen from outside.

use std::{fmt, future::poll_fn, sync::Arc, task::Poll, time::Duration};

use tokio::time::Instant;

use super::{
    driver::{Shared, discard},
    extra::nanos,
    table::{Entry, State, Table},
};
use crate::{
    cancel::{CancelReason, ReasonKind},
    task::engine::{Node, close},
};

/// A running timer. Made by [`#[timer]`](macro@crate::timer), [`create_timer`](super::create_timer) or a
/// [builder](super::TimerBuilder).
///
/// Dropped, it cancels: no tick starts any more, and those that run are asked to end, as a task is by `cancel()`. Who waits for
/// their cleanup is the group in which the timer was started; if there was none, [`cleanup::drain`](crate::cleanup::drain).
/// [`detach`](Self::detach) lets it go on instead.
///
/// Compared with `tokio::time::interval` in a task of its own: what happens on an overlap is [a
/// value](super::TimerDelayPolicy), a tick that fails does not end it, stopping it waits for what runs, and any number of timers
/// share one task.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::{TimerDelayPolicy, create_timer};
/// use tokio::time::sleep;
///
/// let timer = create_timer(
///     |_| async { println!("tick") },
///     Duration::from_millis(100),
///     TimerDelayPolicy::Skip,
/// );
/// sleep(Duration::from_millis(250)).await;
/// assert_eq!(timer.ticks(), 3); // at 0, 100 and 200 ms
/// timer.cancel().await;
/// # });
/// ```
#[must_use = "a timer that is dropped stops; keep it, or call `detach`"]
pub struct Timer {
    shared: Arc<Shared>,
    key: u32,
    generation: u32,
}

impl Timer {
    pub(super) fn new(shared: Arc<Shared>, key: u32, generation: u32) -> Self {
        Self {
            shared,
            key,
            generation,
        }
    }

    fn with<R>(&self, look: impl FnOnce(&Entry) -> R) -> R {
        // The entry is ours until this handle is dropped.
        look(self.shared.lock().slab.get(self.key))
    }

    /// Stops the timer: no tick starts any more, those that run are asked to end, and it waits until they and all that they left behind
    /// have ended. A second call, and a concurrent one, waits for the same end. In a tick of this very timer it returns at once, and
    /// the tick is cut at its next suspension point.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting. Once polled, the timer has stopped.
    pub async fn cancel(&self) {
        halt(
            &self.shared,
            self.key,
            &CancelReason::of(ReasonKind::Requested),
        );
        let node = poll_fn(|cx| {
            let mut table = self.shared.lock();
            let entry = table.slab.get(self.key);
            if entry.state == State::Stopping {
                // The driver is just running a tick.
                table.stopping.push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(node_of(entry))
        })
        .await;
        if let Some(node) = node {
            close(&node).await;
        }
    }

    /// Lets the timer go on without a handle: until the group in which it was started is cancelled, or the runtime ends. That group waits
    /// for it; only the body of [`#[main]`](macro@crate::main) does not, whose end stops it.
    pub fn detach(self) {
        let mut table = self.shared.lock();
        let entry = table.slab.get_mut(self.key);
        if !matches!(entry.state, State::Stopped | State::Stopping) {
            entry.detach();
        }
    }

    /// How many ticks have started.
    pub fn ticks(&self) -> u64 {
        self.with(|entry| entry.ticks)
    }

    /// How many ticks were left out, because others were running, or because the process or its runtime did not run in time.
    pub fn skipped(&self) -> u64 {
        self.with(|entry| entry.extra.as_ref().map_or(0, |extra| extra.skipped))
    }

    /// How many ticks run now, with the cleanups that they left behind.
    pub fn running(&self) -> usize {
        self.with(|entry| node_of(entry).map_or(0, |node| node.live()))
    }

    /// When the next tick is due, with its jitter. `None` once the timer has stopped.
    pub fn next_at(&self) -> Option<Instant> {
        let at = self.with(|entry| is_alive(entry).then(|| entry.at()))?;
        self.shared.instant(at)
    }

    /// The interval.
    pub fn interval(&self) -> Duration {
        self.with(Entry::interval)
    }

    /// Whether the timer goes on. It does until it is cancelled, or its group or its runtime ends; no tick can end it.
    pub fn is_running(&self) -> bool {
        self.with(is_alive)
    }

    /// Makes a tick due now, in addition to those of the schedule. The policy applies to it. Does nothing once the timer has stopped.
    pub fn trigger_now(&self) {
        let waker = {
            let mut table = self.shared.lock();
            if !is_alive(table.slab.get(self.key)) {
                return;
            }
            table.trigger(self.key, self.generation);
            table.waker_for(0)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Begins a new schedule: the next tick is due one new interval from now, and from there on without drift. A tick that runs is not
    /// disturbed. On a timer with a wall-clock schedule it changes only what its ticks are told.
    ///
    /// # Panics
    ///
    /// If `interval` is zero.
    pub fn set_interval(&self, interval: Duration) {
        assert!(
            !interval.is_zero(),
            "the interval of a timer must not be zero"
        );
        let waker = {
            let mut table = self.shared.lock();
            let now = self.shared.now();
            let entry = table.slab.get(self.key);
            if !is_alive(entry) {
                return;
            }
            let linked = matches!(entry.state, State::Idle | State::Task);
            if linked {
                table.unlink(self.key);
            }
            let entry = table.slab.get_mut(self.key);
            entry.interval = nanos(interval);
            if !entry.has_schedule() {
                entry.next = now.saturating_add(entry.interval);
            }
            let at = entry.at();
            if linked {
                table.link(self.key, now);
            }
            table.waker_for(at)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn is_alive(entry: &Entry) -> bool {
    matches!(entry.state, State::Idle | State::Away | State::Task)
}

fn node_of(entry: &Entry) -> Option<Arc<Node>> {
    let ticks = entry.extra.as_ref()?.context.as_ref()?;
    Some(Arc::clone(ticks.node()))
}

type Stopped = (
    (Option<super::table::BoxWork>, Option<crate::TaskHandle<()>>),
    Option<Arc<Node>>,
    Option<std::task::Waker>,
);

/// Stops a timer. What comes back is to be dropped, cancelled and woken outside the lock.
fn stop(table: &mut Table, key: u32) -> Stopped {
    if !is_alive(table.slab.get(key)) {
        return ((None, None), None, None);
    }
    table.unlink(key);
    table.alive -= 1;
    // The last one lets the driver end.
    let waker = if table.alive == 0 {
        table.driver.clone()
    } else {
        None
    };
    let entry = table.slab.get_mut(key);
    entry.state = match entry.state {
        State::Away => State::Stopping,
        _ => State::Stopped,
    };
    let last = entry.extra.as_mut().and_then(|extra| extra.last.take());
    ((entry.work.take(), last), node_of(entry), waker)
}

/// Stops a timer, without waiting.
fn halt(shared: &Shared, key: u32, reason: &CancelReason) {
    let (garbage, node, waker) = stop(&mut shared.lock(), key);
    if let Some(node) = node {
        node.cancel_children(reason);
    }
    discard(garbage);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Stops a timer that nobody holds any more, and forgets it.
pub(super) fn end(shared: &Shared, key: u32, reason: &CancelReason) {
    halt(shared, key, reason);
    let extra = {
        let mut table = shared.lock();
        let entry = table.slab.get_mut(key);
        match entry.state {
            // The driver frees it when it has brought it back.
            State::Stopping => return entry.detach(),
            // The driver has done so, at its own end.
            State::Free => return,
            _ => {}
        }
        let extra = entry.extra.take();
        table.free(key);
        extra
    };
    discard(extra);
}

impl Drop for Timer {
    fn drop(&mut self) {
        {
            let table = self.shared.lock();
            let entry = table.slab.get(self.key);
            if entry.generation != self.generation || entry.is_detached() {
                return;
            }
        }
        end(
            &self.shared,
            self.key,
            &CancelReason::of(ReasonKind::Dropped),
        );
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("interval", &self.interval())
            .field("ticks", &self.ticks())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

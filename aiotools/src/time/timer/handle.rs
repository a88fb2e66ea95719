//! [`Timer`]: a timer, seen from outside.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    entry::{BoxWork, Entry, State},
    extra::nanos,
    shared::{Shared, abandon, discard},
    table::Table,
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
            Poll::Ready(entry.node.clone())
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
        self.with(|entry| entry.node.as_ref().map_or(0, |node| node.live()))
    }

    /// When the next tick is due, with its jitter. `None` once the timer has stopped.
    pub fn next_at(&self) -> Option<Instant> {
        let at = self.with(|entry| entry.is_alive().then_some(entry.at))?;
        self.shared.instant(Duration::from_nanos(at))
    }

    /// The interval.
    pub fn interval(&self) -> Duration {
        self.with(Entry::interval)
    }

    /// Whether the timer goes on. It does until it is cancelled, or its group or its runtime ends; no tick can end it.
    pub fn is_running(&self) -> bool {
        self.with(Entry::is_alive)
    }

    /// Makes a tick due now, in addition to those of the schedule. The policy applies to it. Does nothing once the timer has stopped.
    pub fn trigger_now(&self) {
        let waker = {
            let mut table = self.shared.lock();
            if !table.slab.get(self.key).is_alive() {
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
            table.see(now);
            if !table.slab.get(self.key).is_alive() {
                return;
            }
            let linked = table.slab.get(self.key).is_linked();
            table.unlink(self.key);
            let entry = table.slab.get_mut(self.key);
            entry.reschedule(nanos(interval), now);
            let at = entry.at;
            if linked {
                table.link(self.key);
            }
            table.waker_for(at)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What there is to do outside the lock when a timer was stopped.
#[derive(Default)]
struct Stopped {
    work: Option<BoxWork>,
    home: Option<Arc<Node>>,
    waker: Option<Waker>,
}

fn stop(table: &mut Table, key: u32) -> Stopped {
    if !table.slab.get(key).is_alive() {
        return Stopped::default();
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
    Stopped {
        work: entry.work.take(),
        home: entry.node.clone(),
        waker,
    }
}

/// Stops a timer, without waiting.
fn halt(shared: &Shared, key: u32, reason: &CancelReason) {
    let Stopped { work, home, waker } = stop(&mut shared.lock(), key);
    if let Some(home) = home {
        home.cancel_children(reason);
    }
    discard(work);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Stops a timer that nobody holds any more, and forgets it.
pub(super) fn end(shared: &Shared, key: u32, reason: &CancelReason) {
    halt(shared, key, reason);
    let (extra, home) = {
        let mut table = shared.lock();
        let closed = table.closed;
        let entry = table.slab.get_mut(key);
        match entry.state {
            // The driver frees it when it has brought it back.
            State::Stopping => return entry.detach(),
            // The driver has done so, at its own end.
            State::Free => return,
            _ => {}
        }
        let (extra, home) = (entry.extra.take(), entry.node.take());
        table.slab.free(key);
        // A table that closes abandons them all.
        (extra, if closed { None } else { home })
    };
    if let Some(home) = home {
        abandon(&home, reason);
    }
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

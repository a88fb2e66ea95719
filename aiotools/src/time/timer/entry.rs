//! [`Entry`]: one timer, and its states.
//!
//! ```text
//! FREE ──insert──► IDLE ──begin──► AWAY ──put back──► IDLE, or TASK ──brought back──► IDLE
//! IDLE, TASK ──stop──► STOPPED        AWAY ──stop──► STOPPING ──put back──► STOPPED ──its handle is dropped──► FREE
//! ```

use std::{pin::Pin, sync::Arc, time::Duration};

use super::{
    chunks::Chunks, extra::Extra, policy::TimerDelayPolicy, prefetch::prefetch, wheel::Entries,
    work::Work,
};
use crate::task::engine::Node;

pub(super) type BoxWork = Pin<Box<dyn Work>>;

pub(super) const NS_PER_MS: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Free,
    /// It waits for its next tick.
    Idle,
    /// The driver has its work, and runs a tick with it.
    Away,
    /// A task has its work, and goes on with a tick that has suspended.
    Task,
    /// As `Away`, but there will be no other tick.
    Stopping,
    Stopped,
}

/// One timer: a cache line.
#[repr(align(64))]
pub(super) struct Entry {
    /// When to look at it, in ns: its next tick by the schedule, with the jitter of this round.
    pub(super) at: u64,
    /// In ns.
    pub(super) interval: u64,
    pub(super) ticks: u64,
    pub(super) work: Option<BoxWork>,
    pub(super) extra: Option<Box<Extra>>,
    /// The group of its ticks that are tasks; made for the first of them.
    pub(super) node: Option<Arc<Node>>,
    pub(super) generation: u32,
    /// Where it was started, as a number, and two flags.
    place: u16,
    pub(super) state: State,
    pub(super) policy: TimerDelayPolicy,
}

const _: () = assert!(size_of::<Entry>() == 64);

/// Nobody holds a handle any more.
const DETACHED: u16 = 1 << 15;
/// The wheel has a key for `at`.
const LINKED: u16 = 1 << 14;
/// How many places there may be.
pub(super) const PLACES: usize = LINKED as usize;

impl Entry {
    /// One that begins, in the state IDLE.
    pub(super) fn new(
        work: BoxWork,
        extra: Option<Box<Extra>>,
        policy: TimerDelayPolicy,
        place: u16,
        interval: u64,
        at: u64,
    ) -> Self {
        Self {
            at,
            interval,
            ticks: 0,
            work: Some(work),
            extra,
            node: None,
            generation: 0,
            place,
            state: State::Idle,
            policy,
        }
    }

    pub(super) fn place(&self) -> u16 {
        self.place & !(DETACHED | LINKED)
    }

    pub(super) fn is_detached(&self) -> bool {
        self.place & DETACHED != 0
    }

    pub(super) fn detach(&mut self) {
        self.place |= DETACHED;
    }

    pub(super) fn is_linked(&self) -> bool {
        self.place & LINKED != 0
    }

    pub(super) fn set_linked(&mut self, linked: bool) {
        if linked {
            self.place |= LINKED;
        } else {
            self.place &= !LINKED;
        }
    }

    /// When the wheel is to look at it, in ms, if it is.
    #[inline]
    pub(super) fn when(&self) -> Option<u64> {
        self.is_linked().then(|| self.at.div_ceil(NS_PER_MS))
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.state, State::Idle | State::Away | State::Task)
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    pub(super) fn queues(&self) -> bool {
        self.policy == TimerDelayPolicy::Queue
    }

    /// Ticks are due while one is running that stands in their way.
    pub(super) fn hold_up(&mut self, ticks: u32) {
        let queues = self.queues();
        let extra = self.extra();
        let room = if queues {
            extra.max_queued.saturating_sub(extra.queued)
        } else {
            0
        };
        let queued = ticks.min(room);
        extra.queued += queued;
        extra.skipped += u64::from(ticks - queued);
    }

    /// Whether ticks wait for the one that has just ended; takes one of them.
    pub(super) fn take_queued(&mut self) -> bool {
        match &mut self.extra {
            Some(extra) if extra.queued > 0 => {
                extra.queued -= 1;
                true
            }
            _ => false,
        }
    }

    /// Moves the schedule on behind this tick. False if it is not a tick after all.
    #[inline]
    pub(super) fn advance(&mut self, now: u64) -> bool {
        if self.extra.is_some() {
            return self.advance_extra(now);
        }
        self.at = self.at.saturating_add(self.interval);
        if self.at <= now && !self.queues() {
            self.leave_out(now);
        }
        true
    }

    #[cold]
    fn advance_extra(&mut self, now: u64) -> bool {
        let extra = self.extra();
        if let Some(next) = extra.advance_schedule(now) {
            self.at = next.at.saturating_add(extra.shift);
            return next.is_tick;
        }
        let shift = extra.shift;
        self.at = self.at.saturating_sub(shift).saturating_add(self.interval);
        if self.at <= now && !self.queues() {
            self.leave_out(now);
        }
        let shift = self.extra().roll();
        self.at = self.at.saturating_add(shift);
        true
    }

    /// Late by more than an interval: the ticks in between are left out, the schedule stays.
    #[cold]
    fn leave_out(&mut self, now: u64) {
        let missed = (now - self.at) / self.interval + 1;
        self.at = self.at.saturating_add(missed.saturating_mul(self.interval));
        self.extra().skipped += missed;
    }

    /// Begins a new schedule from now.
    pub(super) fn reschedule(&mut self, interval: u64, now: u64) {
        self.interval = interval;
        if self
            .extra
            .as_ref()
            .is_some_and(|extra| extra.has_schedule())
        {
            return;
        }
        let shift = self.extra.as_ref().map_or(0, |extra| extra.shift);
        self.at = now.saturating_add(interval).saturating_add(shift);
    }

    /// Whether as many ticks run as may.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        match (&self.extra, &self.node) {
            (Some(extra), Some(node)) => {
                let running = node.live().saturating_sub(node.others());
                running >= extra.max_running as usize
            }
            _ => false,
        }
    }
}

/// All timers of a driver, by number.
pub(super) struct Slab {
    entries: Chunks<Entry>,
    free: Vec<u32>,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self {
            entries: Chunks::new(),
            free: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn get(&self, key: u32) -> &Entry {
        self.entries.get(key)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u32) -> &mut Entry {
        self.entries.get_mut(key)
    }

    pub(super) fn insert(&mut self, mut entry: Entry) -> u32 {
        let Some(key) = self.free.pop() else {
            return self.entries.push(entry);
        };
        let old = self.get_mut(key);
        entry.generation = old.generation;
        *old = entry;
        key
    }

    /// Forgets a timer that has stopped and that nobody holds.
    pub(super) fn free(&mut self, key: u32) {
        let entry = self.get_mut(key);
        entry.state = State::Free;
        entry.generation = entry.generation.wrapping_add(1);
        entry.place = 0;
        self.free.push(key);
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.entries.len()
    }
}

impl Entries for Slab {
    #[inline]
    fn when(&self, key: u32) -> Option<u64> {
        self.get(key).when()
    }

    #[inline]
    fn prefetch(&self, key: u32) {
        prefetch(self.get(key));
    }
}

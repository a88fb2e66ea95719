//! The timers of one driver, under one lock: a slab of [`Entry`], and the wheel that says which is next.
//!
//! # States of an entry
//!
//! ```text
//! FREE ──insert──► IDLE ──begin──► AWAY ──finish──► IDLE, or TASK ──returned──► IDLE
//! IDLE, TASK ──stop──► STOPPED        AWAY ──stop──► STOPPING ──finish──► STOPPED ──its handle is dropped──► FREE
//! ```
//!
//! 1. `work` and `extra` are out of an entry that is AWAY or STOPPING, in the hands of the driver; those alone know what is in them then.
//! 2. `work` is out of an entry in TASK, in the hands of the task that polls its tick.
//! 3. An entry is linked in the wheel if it is IDLE or TASK and not in `ready`, and has a next tick.
//! 4. No foreign code runs under the lock: callbacks, futures, handlers and wakers are dropped and called outside.

use std::{
    collections::VecDeque, panic::Location, pin::Pin, sync::Arc, task::Waker, time::Duration,
};

use super::{
    extra::{Abandoned, Extra, Ticks},
    policy::TimerDelayPolicy,
    wheel::{Link, Links, Wheel},
    work::Work,
};
use crate::task::{TaskHandle, engine::Node};

pub(super) type BoxWork = Pin<Box<dyn Work>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Free,
    Idle,
    Away,
    Task,
    Stopping,
    Stopped,
}

/// One timer: a cache line.
pub(super) struct Entry {
    /// When the next tick is due by the schedule, in ns.
    pub(super) next: u64,
    /// In ns.
    pub(super) interval: u64,
    pub(super) ticks: u64,
    pub(super) work: Option<BoxWork>,
    pub(super) extra: Option<Box<Extra>>,
    link: Link,
    pub(super) generation: u32,
    /// Where it was started, as a number, and [`DETACHED`].
    place: u16,
    pub(super) state: State,
    pub(super) policy: TimerDelayPolicy,
}

/// Nobody holds a handle any more.
const DETACHED: u16 = 1 << 15;

const _: () = assert!(size_of::<Entry>() <= 64);

impl Entry {
    pub(super) fn is_detached(&self) -> bool {
        self.place & DETACHED != 0
    }

    pub(super) fn detach(&mut self) {
        self.place |= DETACHED;
    }

    /// When to look at it, in ns: its tick, with the jitter of this round.
    #[inline]
    pub(super) fn at(&self) -> u64 {
        match &self.extra {
            None => self.next,
            Some(extra) => extra.at(self.next),
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    #[cfg(feature = "schedule")]
    pub(super) fn has_schedule(&self) -> bool {
        let extra = self.extra.as_ref();
        extra.is_some_and(|extra| extra.schedule.is_some())
    }

    #[cfg(not(feature = "schedule"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn has_schedule(&self) -> bool {
        false
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }
}

const CHUNK: usize = 256;
const NS_PER_MS: u64 = 1_000_000;

/// Entries in chunks, so that growing neither moves nor doubles.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Entry>>,
    free: Vec<u32>,
}

impl Slab {
    #[inline]
    pub(super) fn get(&self, key: u32) -> &Entry {
        &self.chunks[key as usize / CHUNK][key as usize % CHUNK]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u32) -> &mut Entry {
        &mut self.chunks[key as usize / CHUNK][key as usize % CHUNK]
    }

    fn insert(&mut self, mut entry: Entry) -> u32 {
        if let Some(key) = self.free.pop() {
            let old = self.get_mut(key);
            entry.generation = old.generation;
            *old = entry;
            return key;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows from nothing: most drivers have a few timers.
            let room = if self.chunks.is_empty() { 4 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let full = self.chunks.len() - 1;
        let chunk = &mut self.chunks[full];
        chunk.push(entry);
        (full * CHUNK + chunk.len() - 1) as u32
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u32> + use<> {
        let count = self.chunks.iter().map(Vec::len).sum::<usize>();
        0..count as u32
    }
}

impl Links for Slab {
    #[inline]
    fn entry(&mut self, key: u32) -> (u64, &mut Link) {
        let entry = self.get_mut(key);
        (entry.at().div_ceil(NS_PER_MS), &mut entry.link)
    }

    #[inline]
    fn links(&mut self, key: u32) -> &mut Link {
        &mut self.get_mut(key).link
    }
}

/// A timer that starts.
pub(super) struct New {
    pub(super) work: BoxWork,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) policy: TimerDelayPolicy,
    pub(super) interval: u64,
    pub(super) first: u64,
    pub(super) location: &'static Location<'static>,
}

/// A tick that is to be run outside the lock.
pub(super) struct Due {
    pub(super) key: u32,
    pub(super) generation: u32,
    pub(super) interval: Duration,
    /// Gone, once a task goes on with the tick.
    pub(super) work: Option<BoxWork>,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) policy: TimerDelayPolicy,
    pub(super) left_out: bool,
}

/// What belongs to users.
type Garbage = (Option<BoxWork>, Option<TaskHandle<()>>, Option<Box<Extra>>);

/// What is left of a table that closes.
#[derive(Default)]
pub(super) struct Closed {
    pub(super) garbage: Vec<Garbage>,
    pub(super) running: Vec<Abandoned>,
    pub(super) wakers: Vec<Waker>,
}

/// Somewhere to be looked at in this round.
struct Ready {
    key: u32,
    generation: u32,
    /// Not by the schedule, but because somebody asked.
    triggered: bool,
}

pub(super) struct Table {
    pub(super) slab: Slab,
    wheel: Wheel,
    ready: VecDeque<Ready>,
    places: Vec<&'static Location<'static>>,
    /// How many timers have not been stopped.
    pub(super) alive: usize,
    /// The driver has ended.
    pub(super) closed: bool,
    /// Its group had ended before it began.
    pub(super) refused: bool,
    pub(super) driver: Option<Waker>,
    /// When the driver will look by itself, in ms.
    pub(super) sleeps_until: Option<u64>,
    pub(super) stopping: Vec<Waker>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            slab: Slab::default(),
            wheel: Wheel::new(),
            ready: VecDeque::new(),
            places: Vec::new(),
            alive: 0,
            closed: false,
            refused: false,
            driver: None,
            sleeps_until: None,
            stopping: Vec::new(),
        }
    }

    fn place(&mut self, location: &'static Location<'static>) -> u16 {
        if let Some(at) = self
            .places
            .iter()
            .rposition(|known| std::ptr::eq(*known, location))
        {
            return at as u16;
        }
        if self.places.len() > usize::from(DETACHED - 1) {
            return 0; // a program with that many places gets a wrong name rather than none
        }
        self.places.push(location);
        (self.places.len() - 1) as u16
    }

    pub(super) fn location(&self, key: u32) -> &'static Location<'static> {
        self.places[usize::from(self.slab.get(key).place & !DETACHED)]
    }

    /// Adds a timer; gives its key and generation.
    pub(super) fn insert(&mut self, new: New, now: u64) -> (u32, u32) {
        let New {
            work,
            extra,
            policy,
            interval,
            first,
            location,
        } = new;
        let place = self.place(location);
        let key = self.slab.insert(Entry {
            next: first,
            interval,
            ticks: 0,
            work: Some(work),
            extra,
            link: Link::UNLINKED,
            generation: 0,
            place,
            state: State::Idle,
            policy,
        });
        self.alive += 1;
        self.link(key, now);
        (key, self.slab.get(key).generation)
    }

    /// A timer that comes too late never runs.
    pub(super) fn refuse(&mut self, key: u32) -> Option<BoxWork> {
        self.unlink(key);
        self.alive -= 1;
        let entry = self.slab.get_mut(key);
        entry.state = State::Stopped;
        entry.work.take()
    }

    /// The entry of a handle.
    pub(super) fn of(&mut self, key: u32, generation: u32) -> Option<&mut Entry> {
        let entry = self.slab.get_mut(key);
        (entry.generation == generation && entry.state != State::Free).then_some(entry)
    }

    /// Takes an entry out of the wheel, if it is there.
    pub(super) fn unlink(&mut self, key: u32) {
        let entry = self.slab.get(key);
        let generation = entry.generation;
        if !matches!(entry.state, State::Idle | State::Task) {
            return;
        }
        let scheduled = self.ready.iter().position(|ready| {
            ready.key == key && ready.generation == generation && !ready.triggered
        });
        match scheduled {
            Some(at) => drop(self.ready.remove(at)),
            None => self.wheel.remove(key, &mut self.slab),
        }
    }

    /// Puts an entry back where its next tick will find it.
    pub(super) fn link(&mut self, key: u32, now: u64) {
        let entry = self.slab.get(key);
        if entry.at() <= now {
            self.ready.push_back(Ready {
                key,
                generation: entry.generation,
                triggered: false,
            });
        } else {
            self.wheel.insert(key, &mut self.slab);
        }
    }

    /// One tick more, out of schedule.
    pub(super) fn trigger(&mut self, key: u32, generation: u32) {
        self.ready.push_back(Ready {
            key,
            generation,
            triggered: true,
        });
    }

    /// Forgets a timer that has stopped and that nobody holds.
    pub(super) fn free(&mut self, key: u32) {
        let entry = self.slab.get_mut(key);
        entry.state = State::Free;
        entry.generation = entry.generation.wrapping_add(1);
        entry.place &= !DETACHED;
        self.slab.free.push(key);
    }

    /// Wakes the driver unless it looks by itself in time. To be called outside the lock.
    pub(super) fn waker_for(&self, at: u64) -> Option<Waker> {
        let at = at.div_ceil(NS_PER_MS);
        match self.sleeps_until {
            Some(until) if until <= at => None,
            _ => self.driver.clone(),
        }
    }

    /// When the driver has to look again, in ms.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        if self.ready.is_empty() {
            self.wheel.next()
        } else {
            Some(now / NS_PER_MS)
        }
    }

    /// As `next`, if nothing is due already.
    pub(super) fn rests_until(&self) -> Option<u64> {
        if self.ready.is_empty() {
            self.wheel.next()
        } else {
            None
        }
    }

    /// The timers that go on without a handle.
    pub(super) fn detached(&self) -> Vec<u32> {
        let keys = self.slab.keys();
        keys.filter(|key| self.slab.get(*key).is_detached())
            .collect()
    }

    /// The nodes of all timers that have ticks as tasks.
    pub(super) fn running(&self) -> Vec<Arc<Node>> {
        let extras = self
            .slab
            .keys()
            .filter_map(|key| self.slab.get(key).extra.as_ref());
        let ticks = extras.filter_map(|extra| extra.context.as_ref());
        ticks.map(|ticks| Arc::clone(ticks.node())).collect()
    }

    /// Stops everything, for good. What comes back is to be dropped, abandoned and woken outside the lock.
    pub(super) fn close(&mut self) -> Closed {
        self.closed = true;
        self.alive = 0;
        self.driver = None;
        self.ready.clear();
        let mut closed = Closed::default();
        for key in self.slab.keys() {
            let entry = self.slab.get_mut(key);
            let work = entry.work.take();
            let (mut last, mut extra) = (None, None);
            if let Some(extra) = &mut entry.extra {
                let abandoned = extra.context.as_mut().and_then(Ticks::take_abandoned);
                closed.running.extend(abandoned);
                last = extra.last.take();
            }
            if entry.state != State::Free {
                entry.state = State::Stopped;
                if entry.is_detached() {
                    extra = entry.extra.take();
                    self.free(key);
                }
            }
            closed.garbage.push((work, last, extra));
        }
        closed.wakers = std::mem::take(&mut self.stopping);
        closed
    }

    /// Fills `batch` with ticks that are due.
    pub(super) fn collect(&mut self, now: u64, batch: &mut Vec<Due>, most: usize) {
        // What is made ready meanwhile has its turn in the next round.
        for _ in 0..self.ready.len() {
            if batch.len() >= most {
                return;
            }
            let Some(ready) = self.ready.pop_front() else {
                break;
            };
            if self.of(ready.key, ready.generation).is_some() {
                self.begin(ready.key, now, ready.triggered, batch);
            }
        }
        let now_ms = now / NS_PER_MS;
        while batch.len() < most {
            let Some(key) = self.wheel.pop(now_ms, &mut self.slab) else {
                return;
            };
            self.begin(key, now, false, batch);
        }
    }

    /// A tick of this timer is due.
    fn begin(&mut self, key: u32, now: u64, triggered: bool, batch: &mut Vec<Due>) {
        let entry = self.slab.get_mut(key);
        match entry.state {
            State::Idle => {}
            State::Task => {
                // Skip or Queue, and a tick is running.
                let queues = entry_queues(entry.policy);
                let extra = entry.extra();
                if queues && extra.queued < extra.max_queued {
                    extra.queued += 1;
                } else {
                    extra.skipped += 1;
                }
                if !triggered {
                    advance(entry, now);
                    self.link(key, now);
                }
                return;
            }
            State::Away => return self.trigger_later(key, triggered),
            State::Stopping | State::Stopped | State::Free => return,
        }
        let entry = if triggered {
            self.unlink(key);
            self.slab.get_mut(key)
        } else if advance(entry, now) {
            entry
        } else {
            // The wall clock says that it is too early.
            return self.link(key, now);
        };
        let Some(work) = entry.work.take() else {
            return;
        };
        entry.state = State::Away;
        entry.ticks += 1;
        batch.push(Due {
            key,
            generation: entry.generation,
            interval: entry.interval(),
            work: Some(work),
            extra: entry.extra.take(),
            policy: entry.policy,
            left_out: false,
        });
    }

    fn trigger_later(&mut self, key: u32, triggered: bool) {
        if triggered {
            let generation = self.slab.get(key).generation;
            self.trigger(key, generation);
        }
    }

    /// Whether a timer that came back has ticks waiting; takes one of them.
    pub(super) fn take_queued(&mut self, key: u32) -> bool {
        match &mut self.slab.get_mut(key).extra {
            Some(extra) if extra.queued > 0 => {
                extra.queued -= 1;
                true
            }
            _ => false,
        }
    }
}

fn entry_queues(policy: TimerDelayPolicy) -> bool {
    policy == TimerDelayPolicy::Queue
}

/// Moves the schedule on behind this tick. False if it is not a tick after all.
fn advance(entry: &mut Entry, now: u64) -> bool {
    if let Some(extra) = &mut entry.extra
        && let Some(next) = extra.advance_schedule(now)
    {
        entry.next = next.at;
        return next.is_tick;
    }
    entry.next = entry.next.saturating_add(entry.interval);
    if entry.next <= now && !entry_queues(entry.policy) {
        // Late by more than an interval: the ticks in between are left out, the schedule stays.
        let missed = (now - entry.next) / entry.interval + 1;
        entry.next = entry
            .next
            .saturating_add(missed.saturating_mul(entry.interval));
        entry.extra().skipped += missed;
    }
    if let Some(extra) = &mut entry.extra {
        extra.roll();
    }
    true
}

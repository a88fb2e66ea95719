//! The timers of one driver, under one lock: their entries, and the wheel that says which is next.
//!
//! 1. `work` is out of an entry that is AWAY or STOPPING, in the hands of the driver; it alone knows what is in it then. It is out of an entry
//!    in TASK, in the hands of the task that polls its tick.
//! 2. An entry that is linked has a key in the wheel, at a time that is not later than its `at`. An entry that is IDLE or TASK is linked; one that
//!    is AWAY may be.
//! 3. An entry with triggered ticks is in `triggered`, once.
//! 4. `now` never goes back, whoever looked at the clock: an entry that was due to somebody is due to all after that.
//! 5. No foreign code runs under the lock: callbacks, futures, handlers and wakers are dropped and called outside.

use std::{collections::VecDeque, panic::Location, sync::Arc, task::Waker};

use super::{
    entry::{BoxWork, Entry, NS_PER_MS, PLACES, Slab, State},
    extra::Extra,
    policy::TimerDelayPolicy,
    prefetch::prefetch,
    wheel::Wheel,
};
use crate::task::engine::{Handler, Node};

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
    pub(super) interval: u64,
    /// Gone, once a task goes on with the tick.
    pub(super) work: Option<BoxWork>,
    /// The group of the timer's ticks, if they are tasks and it is there.
    pub(super) node: Option<Arc<Node>>,
    pub(super) is_inline: bool,
    /// There was no tick after all.
    pub(super) left_out: bool,
}

/// What users are told of a timer.
pub(super) struct About {
    pub(super) location: &'static Location<'static>,
    pub(super) name: Option<Arc<str>>,
    pub(super) handler: Handler,
}

/// What is to be dropped outside the lock, because it belongs to users.
pub(super) type Garbage = (Option<BoxWork>, Option<Box<Extra>>);

/// What is to be done outside the lock when ticks were put back.
#[derive(Default)]
pub(super) struct Left {
    pub(super) garbage: Vec<Garbage>,
    /// The groups of timers that were stopped, and whether nobody holds them any more.
    pub(super) stopped: Vec<(Arc<Node>, bool)>,
    pub(super) wakers: Vec<Waker>,
}

/// What is left of a table that closes.
#[derive(Default)]
pub(super) struct Closed {
    pub(super) garbage: Vec<Garbage>,
    pub(super) running: Vec<Arc<Node>>,
    pub(super) wakers: Vec<Waker>,
}

pub(super) struct Table {
    pub(super) slab: Slab,
    wheel: Wheel,
    /// Timers that somebody asked for a tick, with their generations.
    triggered: VecDeque<(u32, u32)>,
    places: Vec<&'static Location<'static>>,
    now: u64,
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
            slab: Slab::new(),
            wheel: Wheel::new(),
            triggered: VecDeque::new(),
            places: Vec::new(),
            now: 0,
            alive: 0,
            closed: false,
            refused: false,
            driver: None,
            sleeps_until: None,
            stopping: Vec::new(),
        }
    }

    /// Somebody has looked at the clock.
    pub(super) fn see(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    fn place(&mut self, location: &'static Location<'static>) -> u16 {
        if let Some(at) = self
            .places
            .iter()
            .rposition(|known| std::ptr::eq(*known, location))
        {
            return at as u16;
        }
        if self.places.len() == PLACES {
            return 0; // a program with that many places gets a wrong name rather than none
        }
        self.places.push(location);
        (self.places.len() - 1) as u16
    }

    /// What users are told of a timer, and how.
    pub(super) fn about(&self, key: u32) -> About {
        let entry = self.slab.get(key);
        let (name, handler) = match &entry.extra {
            Some(extra) => (extra.name.clone(), extra.handler.clone()),
            None => (None, Handler::Trace),
        };
        About {
            location: self.places[usize::from(entry.place())],
            name,
            handler,
        }
    }

    /// Adds a timer; gives its key and generation.
    pub(super) fn insert(&mut self, new: New) -> (u32, u32) {
        let New {
            work,
            extra,
            policy,
            interval,
            first,
            location,
        } = new;
        let place = self.place(location);
        let entry = Entry::new(work, extra, policy, place, interval, first);
        let key = self.slab.insert(entry);
        self.alive += 1;
        self.link(key);
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

    /// Puts an entry where its next tick will find it.
    pub(super) fn link(&mut self, key: u32) {
        let entry = self.slab.get_mut(key);
        entry.set_linked(true);
        if entry.at <= self.now {
            self.wheel.insert_due(key);
        } else {
            self.wheel.insert(key, entry.at.div_ceil(NS_PER_MS));
        }
    }

    /// Takes an entry out of the wheel, if it is there.
    pub(super) fn unlink(&mut self, key: u32) {
        let entry = self.slab.get_mut(key);
        if !entry.is_linked() {
            return;
        }
        entry.set_linked(false);
        if let Some(keys) = self.wheel.forget() {
            self.sweep(&keys);
        }
    }

    /// Brings back what is linked, once each.
    #[cold]
    fn sweep(&mut self, keys: &[u32]) {
        let mut linked = Vec::new();
        for key in keys {
            let entry = self.slab.get_mut(*key);
            if entry.is_linked() {
                entry.set_linked(false);
                linked.push(*key);
            }
        }
        for key in linked {
            self.link(key);
        }
    }

    /// One tick more, out of schedule.
    pub(super) fn trigger(&mut self, key: u32, generation: u32) {
        let extra = self.slab.get_mut(key).extra();
        extra.triggered = extra.triggered.saturating_add(1);
        if extra.triggered == 1 {
            self.triggered.push_back((key, generation));
        }
    }

    /// Wakes the driver unless it looks by itself in time. To be called outside the lock.
    pub(super) fn waker_for(&self, at: u64) -> Option<Waker> {
        let at = at.div_ceil(NS_PER_MS);
        match self.sleeps_until {
            Some(until) if until <= at => None,
            _ => self.driver.clone(),
        }
    }

    /// When the driver has to look again, in ms. Everything that is due has been collected.
    pub(super) fn next(&self) -> Option<u64> {
        self.wheel.next()
    }

    /// The timers that go on without a handle.
    pub(super) fn detached(&self) -> Vec<u32> {
        let keys = self.slab.keys();
        keys.filter(|key| self.slab.get(*key).is_detached())
            .collect()
    }

    /// The groups of all timers that have ticks as tasks.
    pub(super) fn running(&self) -> Vec<Arc<Node>> {
        let keys = self.slab.keys();
        keys.filter_map(|key| self.slab.get(key).node.clone())
            .collect()
    }

    /// Stops everything, for good. What comes back is to be dropped, abandoned and woken outside the lock.
    pub(super) fn close(&mut self) -> Closed {
        self.closed = true;
        self.alive = 0;
        self.driver = None;
        self.triggered.clear();
        let mut closed = Closed::default();
        for key in self.slab.keys() {
            let entry = self.slab.get_mut(key);
            closed.running.extend(entry.node.clone());
            let work = entry.work.take();
            let mut extra = None;
            if entry.state != State::Free {
                entry.state = State::Stopped;
                if entry.is_detached() {
                    extra = entry.extra.take();
                    entry.node = None;
                    self.slab.free(key);
                }
            }
            closed.garbage.push((work, extra));
        }
        closed.wakers = std::mem::take(&mut self.stopping);
        closed
    }

    /// Fills `batch` with ticks that are due.
    pub(super) fn collect(&mut self, batch: &mut Vec<Due>, most: usize) {
        self.collect_due(batch, most);
        // Not before all of them are on their way from the memory.
        for due in batch {
            if !due.is_inline {
                due.node.clone_from(&self.slab.get(due.key).node);
            }
        }
    }

    fn collect_due(&mut self, batch: &mut Vec<Due>, most: usize) {
        // What is triggered meanwhile has its turn in the next round.
        for _ in 0..self.triggered.len() {
            if batch.len() >= most {
                return;
            }
            let Some((key, generation)) = self.triggered.pop_front() else {
                break;
            };
            if self.of(key, generation).is_some() {
                self.begin_triggered(key, generation, batch);
            }
        }
        let (now, now_ms) = (self.now, self.now / NS_PER_MS);
        while batch.len() < most {
            let Some(key) = self.wheel.pop(now_ms, &self.slab) else {
                return;
            };
            let entry = self.slab.get_mut(key);
            if !entry.is_linked() || entry.at > now {
                // The entry was taken out, and may be somewhere else by now.
                self.wheel.was_stale();
                continue;
            }
            entry.set_linked(false);
            match entry.state {
                State::Idle => {
                    if !entry.advance(now) {
                        // The wall clock says that it is too early.
                        self.link(key);
                    } else if !begin(entry, key, batch) {
                        self.link(key);
                    }
                }
                State::Task => {
                    if entry.advance(now) {
                        entry.hold_up(1);
                    }
                    self.link(key);
                }
                // It is linked again when it is put back.
                State::Away | State::Stopping | State::Stopped | State::Free => {}
            }
        }
    }

    fn begin_triggered(&mut self, key: u32, generation: u32, batch: &mut Vec<Due>) {
        let entry = self.slab.get_mut(key);
        match entry.state {
            State::Idle => {
                entry.extra().triggered -= 1;
                let begun = begin(entry, key, batch);
                let left = &mut entry.extra().triggered;
                if !begun {
                    let left = std::mem::take(left);
                    entry.hold_up(left);
                } else if *left > 0 {
                    self.triggered.push_back((key, generation));
                }
            }
            State::Task => {
                let ticks = std::mem::take(&mut entry.extra().triggered);
                entry.hold_up(ticks);
            }
            State::Away => self.triggered.push_back((key, generation)),
            State::Stopping | State::Stopped | State::Free => {}
        }
    }

    /// Puts everything back.
    pub(super) fn put_back(&mut self, batch: &mut Vec<Due>) -> Left {
        let mut left = Left::default();
        for due in batch.drain(..) {
            let key = due.key;
            let entry = self.slab.get_mut(key);
            if entry.state == State::Stopping || due.left_out {
                self.put_back_rare(due, &mut left);
                continue;
            }
            // If the tick suspended, a task has the work now, unless it has brought it back already.
            if due.work.is_some() {
                entry.work = due.work;
            }
            entry.state = match entry.work {
                Some(_) => State::Idle,
                None => State::Task,
            };
            if !entry.is_linked() {
                self.link(key);
            }
        }
        left
    }

    /// Of a timer that was stopped meanwhile, or of a tick that was left out.
    #[cold]
    fn put_back_rare(&mut self, due: Due, left: &mut Left) {
        let key = due.key;
        let entry = self.slab.get_mut(key);
        if due.left_out {
            entry.ticks -= 1;
            entry.extra().skipped += 1;
        }
        if entry.state != State::Stopping {
            entry.work = due.work;
            entry.state = State::Idle;
            if !entry.is_linked() {
                self.link(key);
            }
            return;
        }
        entry.state = State::Stopped;
        left.wakers.append(&mut self.stopping);
        let mut extra = None;
        if entry.is_detached() {
            extra = entry.extra.take();
            left.stopped
                .extend(entry.node.take().map(|node| (node, true)));
            self.slab.free(key);
        } else {
            left.stopped
                .extend(entry.node.clone().map(|node| (node, false)));
        }
        left.garbage.push((due.work, extra));
    }
}

/// A tick is due. False if as many run already as may.
fn begin(entry: &mut Entry, key: u32, batch: &mut Vec<Due>) -> bool {
    if entry.policy == TimerDelayPolicy::Accumulate && entry.is_full() {
        entry.extra().skipped += 1;
        return false;
    }
    let Some(work) = entry.work.take() else {
        return false;
    };
    entry.state = State::Away;
    entry.ticks += 1;
    let is_inline = entry.policy.is_inline();
    prefetch(&*work);
    if !is_inline && let Some(node) = &entry.node {
        prefetch(&**node);
    }
    batch.push(Due {
        key,
        generation: entry.generation,
        interval: entry.interval,
        work: Some(work),
        node: None,
        is_inline,
        left_out: false,
    });
    true
}

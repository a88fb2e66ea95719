//! [`Queue`]: the children that wait for their start, where a group runs only so many at once.

use std::{
    collections::{BTreeMap, HashSet},
    task::Waker,
};

/// Who runs, who waits, and who may run as soon as it is polled. They start in the order of their numbers.
pub(super) struct Queue {
    limit: usize,
    running: usize,
    waiting: BTreeMap<u32, Waker>,
    granted: HashSet<u32>,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            running: 0,
            waiting: BTreeMap::new(),
            granted: HashSet::new(),
        }
    }

    /// Whether a child may run its first poll now; if not, it is woken when it may.
    pub(super) fn may_start(&mut self, seq: u32, waker: &Waker) -> bool {
        if self.granted.remove(&seq) {
            return true;
        }
        if self.running < self.limit && self.waiting.is_empty() {
            self.running += 1;
            return true;
        }
        self.waiting.insert(seq, waker.clone());
        false
    }

    /// Gives the place of a child that ended to the next that waits for one.
    pub(super) fn release(&mut self, seq: u32, started: bool) -> Option<Waker> {
        self.waiting.remove(&seq);
        if !started && !self.granted.remove(&seq) {
            return None;
        }
        match self.waiting.pop_first() {
            Some((next, waker)) => {
                self.granted.insert(next);
                Some(waker)
            }
            None => {
                self.running -= 1;
                None
            }
        }
    }

    /// The waker of a child that waits.
    pub(super) fn waker(&self, seq: u32) -> Option<Waker> {
        self.waiting.get(&seq).cloned()
    }

    /// Nobody gets a start any more: all who wait are to be woken.
    pub(super) fn give_up(&mut self) -> BTreeMap<u32, Waker> {
        std::mem::take(&mut self.waiting)
    }
}

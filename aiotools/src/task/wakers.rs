//! A few wakers under one lock, each with a key of its own, so that one that gives up disturbs no other.

use std::{cmp::Reverse, collections::BinaryHeap, task::Waker};

/// The wakers of all that wait for one node.
#[derive(Default)]
pub(crate) struct Wakers {
    slots: Vec<Option<Waker>>,
    /// The slots without a waker; the lowest is taken first.
    free: BinaryHeap<Reverse<usize>>,
}

impl Wakers {
    /// Stores `waker` under `key`, or under a new key.
    pub(crate) fn set(&mut self, key: &mut Option<usize>, waker: &Waker) {
        if let Some(key) = *key {
            match &mut self.slots[key] {
                Some(stored) => stored.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return;
        }
        let free = self.free.pop().map_or(self.slots.len(), |free| free.0);
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(waker.clone());
        *key = Some(free);
    }

    /// Forgets `key`; the waker comes back, to be dropped outside the lock.
    pub(crate) fn remove(&mut self, key: &mut Option<usize>) -> Option<Waker> {
        let key = key.take()?;
        let waker = self.slots[key].take();
        if self.free.len() + 1 == self.slots.len() {
            self.slots.clear();
            self.free.clear();
        } else {
            self.free.push(Reverse(key));
        }
        waker
    }

    /// All of them, the last come first: it is the innermost. A single one is apart, since that takes no allocation.
    #[inline]
    pub(crate) fn all(&self) -> (Option<Waker>, Vec<Waker>) {
        match &self.slots[..] {
            [] => (None, Vec::new()),
            [one] => (one.clone(), Vec::new()),
            many => (None, many.iter().rev().flatten().cloned().collect()),
        }
    }
}

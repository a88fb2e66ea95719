//! A few wakers under one lock, each with a key of its own, so that one that gives up disturbs no other.

use std::task::Waker;

/// The wakers of all that wait for one node.
#[derive(Default)]
pub(crate) struct Wakers {
    slots: Vec<Option<Waker>>,
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
        let free = self
            .slots
            .iter()
            .position(Option::is_none)
            .unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
        self.slots[free] = Some(waker.clone());
        *key = Some(free);
    }

    /// Forgets `key`; the waker comes back, to be dropped outside the lock.
    pub(crate) fn remove(&mut self, key: &mut Option<usize>) -> Option<Waker> {
        let waker = self.slots[key.take()?].take();
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        waker
    }

    /// All of them, the last come first: it is the innermost.
    pub(crate) fn all(&self) -> Vec<Waker> {
        self.slots.iter().rev().flatten().cloned().collect()
    }
}

//! [`Store`]: which slot is the one of its key.
//!
//! 1. All that decides what a key leads to is one atomic operation of the map on that key: to insert where there is nothing, to replace or
//!    remove *this* slot. There is no "look, then write".
//! 2. A slot that was made before the last [`clear`](Store::clear) counts as not there, wherever it may still be.
//! 3. Every call is counted once: as a hit when it finds a value or waits, as a miss when it leads. One that waits and then leads is moved.
//! 4. After each insertion the map does what it had put off, so that it never holds more than it may by more than the insertions that are
//!    under way.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
    },
};

use moka::ops::compute::Op;
use tokio::time::Instant;

use super::{
    bounds::{CacheKey, CacheValue},
    builder::Config,
    info::CacheInfo,
    map::{self, Map},
    slot::{Look, Ready, SharedError, Slot, Turn},
};

pub(super) struct Store<K, V> {
    map: Map<K, Arc<Slot<K, V>>>,
    config: Config,
    epoch: AtomicU64,
    closed: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
    refreshes: AtomicU64,
    /// Slots with a value, in the order in which they expire; only if they do.
    expiring: Mutex<VecDeque<Weak<Slot<K, V>>>>,
}

/// What a call finds.
pub(super) enum Found<K: CacheKey, V: CacheValue> {
    Hit(V),
    /// An expired value, which may be given out; and the duty to compute the next one, unless somebody has it.
    Stale(V, Option<Lead<K, V>>),
    Lead(Lead<K, V>),
    Wait(Waiting<K, V>),
    /// There is no cache for this call.
    Pass,
}

enum Age {
    Fresh,
    Stale,
    Expired,
}

impl<K: CacheKey, V: CacheValue> Store<K, V> {
    pub(super) fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            map: Map::new(config.max_size),
            config,
            epoch: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
            expiring: Mutex::new(VecDeque::new()),
        })
    }

    /// What to do for this key. With `stale`, expired values count for as long as the settings say.
    pub(super) fn enter(self: &Arc<Self>, key: &K, stale: bool) -> Found<K, V> {
        if self.config.max_size == Some(0) || self.is_closed() {
            self.misses.fetch_add(1, Relaxed);
            return Found::Pass;
        }
        loop {
            let slot = match self.map.get(key) {
                Some(slot) => slot,
                None => {
                    let fresh = Slot::running(key.clone(), self.epoch.load(SeqCst));
                    let lead = self.lead(Arc::clone(&fresh));
                    let slot = self.map.get_or_insert(key.clone(), &fresh);
                    if Arc::ptr_eq(&slot, &fresh) {
                        self.map.run_pending_tasks();
                        return self.begin(lead);
                    }
                    slot
                }
            };
            if slot.epoch != self.epoch.load(SeqCst) {
                self.remove(&slot);
                continue;
            }
            if let Some(ready) = slot.ready() {
                match self.age(ready.at) {
                    Age::Fresh => {
                        self.hits.fetch_add(1, Relaxed);
                        return Found::Hit(ready.value.clone());
                    }
                    Age::Stale if stale => {
                        self.hits.fetch_add(1, Relaxed);
                        let value = ready.value.clone();
                        return Found::Stale(value, self.refresh(slot));
                    }
                    Age::Stale | Age::Expired => {
                        if let Some(found) = self.renew(&slot) {
                            return found;
                        }
                        continue;
                    }
                }
            }
            match slot.look() {
                Look::Wait => {
                    self.hits.fetch_add(1, Relaxed);
                    return Found::Wait(Waiting {
                        store: Arc::clone(self),
                        slot: Some(slot),
                    });
                }
                Look::Lead => return self.begin(self.lead(slot)),
                Look::Ready => {}
                Look::Failed => self.remove(&slot),
            }
        }
    }

    /// The duty for a slot that has just been made, or come free. Before anything is done that may panic: a slot in the map has a leader.
    fn lead(self: &Arc<Self>, slot: Arc<Slot<K, V>>) -> Lead<K, V> {
        Lead {
            store: Arc::clone(self),
            slot: Some(slot),
            replaces: None,
        }
    }

    /// The slot is in the map, and its leader is about to compute.
    fn begin(&self, lead: Lead<K, V>) -> Found<K, V> {
        self.misses.fetch_add(1, Relaxed);
        self.sweep(64);
        Found::Lead(lead)
    }

    /// Puts another slot in the place of one that has expired.
    fn renew(self: &Arc<Self>, old: &Arc<Slot<K, V>>) -> Option<Found<K, V>> {
        // Somebody may be at it in the background.
        if let Some(successor) = old.successor() {
            self.replace(old, &successor);
            return None;
        }
        let fresh = Slot::running(old.key.clone(), old.epoch);
        let lead = self.lead(Arc::clone(&fresh));
        self.replace(old, &fresh).then(|| self.begin(lead))
    }

    fn refresh(self: &Arc<Self>, old: Arc<Slot<K, V>>) -> Option<Lead<K, V>> {
        if old.successor().is_some() {
            return None;
        }
        let slot = Slot::running(old.key.clone(), old.epoch);
        if !old.succeed(&slot) {
            return None;
        }
        self.refreshes.fetch_add(1, Relaxed);
        Some(Lead {
            store: Arc::clone(self),
            slot: Some(slot),
            replaces: Some(old),
        })
    }

    /// A clock that is behind the one that the value was stamped by is another clock, and says nothing about its age.
    fn age(&self, at: Instant) -> Age {
        let Some(limit) = self.config.expire_after else {
            return Age::Fresh;
        };
        match Instant::now().checked_duration_since(at) {
            Some(age) if age < limit => Age::Fresh,
            Some(age) if age < limit.saturating_add(self.config.stale) => Age::Stale,
            _ => Age::Expired,
        }
    }

    /// Puts `new` in the place of `old`, if that is where it was.
    fn replace(&self, old: &Arc<Slot<K, V>>, new: &Arc<Slot<K, V>>) -> bool {
        let replaced = self.compute(old, || Op::Put(Arc::clone(new)));
        self.map.run_pending_tasks();
        replaced
    }

    fn remove(&self, slot: &Arc<Slot<K, V>>) {
        self.compute(slot, || Op::Remove);
    }

    fn compute(&self, slot: &Arc<Slot<K, V>>, op: impl FnOnce() -> Op<Arc<Slot<K, V>>>) -> bool {
        self.map.compute(&slot.key, |found| match found {
            Some(found) if Arc::ptr_eq(found, slot) => op(),
            _ => Op::Nop,
        })
    }

    /// Removes what nobody would be given any more, up to `limit` entries.
    fn sweep(&self, limit: usize) {
        if map::is_inside() {
            return;
        }
        for _ in 0..limit {
            let mut expiring = self.lock_expiring();
            match expiring.front().map(Weak::upgrade) {
                None => return,
                Some(None) => {
                    expiring.pop_front();
                }
                Some(Some(slot)) => {
                    let expired = slot
                        .ready()
                        .is_none_or(|ready| matches!(self.age(ready.at), Age::Expired));
                    if expired {
                        expiring.pop_front();
                    }
                    // This may be the last one who holds the slot; its value is not dropped under the lock.
                    drop(expiring);
                    if !expired {
                        return;
                    }
                    self.remove(&slot);
                }
            }
        }
    }

    /// Notes a slot that is going to expire.
    fn expires(&self, slot: &Arc<Slot<K, V>>) {
        if self.config.expire_after.is_none() {
            return;
        }
        let mut expiring = self.lock_expiring();
        expiring.push_back(Arc::downgrade(slot));
        // What was evicted or replaced in the meantime stays in the queue; never more of it than of the rest.
        if expiring.len() > self.map.len().saturating_mul(2).saturating_add(64) {
            expiring.retain(|slot| slot.strong_count() > 0);
        }
    }

    fn lock_expiring(&self) -> std::sync::MutexGuard<'_, VecDeque<Weak<Slot<K, V>>>> {
        self.expiring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn invalidate(&self, key: &K) -> bool {
        let slot = self.map.remove(key);
        slot.is_some_and(|slot| {
            let expired = |ready: &Ready<V>| matches!(self.age(ready.at), Age::Expired);
            slot.epoch == self.epoch.load(SeqCst) && !slot.ready().is_some_and(expired)
        })
    }

    pub(super) fn clear(&self) {
        self.epoch.fetch_add(1, SeqCst);
        self.map.remove_all();
        self.lock_expiring().clear();
        for counter in [&self.hits, &self.misses, &self.refreshes] {
            counter.store(0, Relaxed);
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.epoch.fetch_add(1, SeqCst);
        self.map.remove_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(super) fn info(&self) -> CacheInfo {
        self.sweep(usize::MAX);
        self.map.run_pending_tasks();
        CacheInfo {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            refreshes: self.refreshes.load(Relaxed),
            max_size: self.config.max_size,
            current_size: self.map.len(),
        }
    }

    /// A call that was counted as a hit is not one after all.
    pub(super) fn no_hit(&self) {
        // Behind a `clear` in between there is nothing to take back.
        let _ = self
            .hits
            .fetch_update(Relaxed, Relaxed, |hits| hits.checked_sub(1));
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Relaxed);
    }
}

/// The duty to compute the value of a slot. Dropped, it goes over to somebody who waits.
pub(super) struct Lead<K: CacheKey, V: CacheValue> {
    store: Arc<Store<K, V>>,
    /// `None` when it has ended.
    slot: Option<Arc<Slot<K, V>>>,
    /// For a refresh: what is in the store until then.
    replaces: Option<Arc<Slot<K, V>>>,
}

impl<K: CacheKey, V: CacheValue> Lead<K, V> {
    pub(super) fn id(&self) -> u64 {
        self.slot.as_ref().map_or(u64::MAX, |slot| slot.id)
    }

    pub(super) fn finish(mut self, value: V) {
        if let Some(slot) = self.slot.take() {
            slot.finish(value, Instant::now());
            if let Some(old) = self.replaces.take() {
                self.store.replace(&old, &slot);
            }
            self.store.expires(&slot);
        }
    }

    /// Gives back whether somebody was told the error.
    pub(super) fn fail(mut self, error: Option<SharedError>) -> bool {
        let Some(slot) = self.slot.take() else {
            return false;
        };
        self.give_up(&slot);
        slot.fail(error)
    }

    fn give_up(&self, slot: &Arc<Slot<K, V>>) {
        self.store.remove(slot);
        if let Some(old) = &self.replaces {
            old.forget_successor();
        }
    }
}

impl<K: CacheKey, V: CacheValue> Drop for Lead<K, V> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take()
            && slot.abandon()
        {
            self.give_up(&slot);
        }
    }
}

/// Somebody who waits for the value of a slot.
pub(super) struct Waiting<K: CacheKey, V: CacheValue> {
    store: Arc<Store<K, V>>,
    /// `None` when it waits no longer.
    slot: Option<Arc<Slot<K, V>>>,
}

/// What the waiting has led to.
pub(super) enum Waited<K: CacheKey, V: CacheValue> {
    Value(V),
    Lead(Lead<K, V>),
    Failed(Option<SharedError>),
}

impl<K: CacheKey, V: CacheValue> Waiting<K, V> {
    pub(super) fn id(&self) -> u64 {
        self.slot.as_ref().map_or(u64::MAX, |slot| slot.id)
    }

    pub(super) async fn wait(mut self) -> Waited<K, V> {
        let Some(slot) = self.slot.clone() else {
            return Waited::Failed(None);
        };
        loop {
            let mut changed = std::pin::pin!(slot.changed().notified());
            // Registered before the look, so that nothing is missed in between.
            changed.as_mut().enable();
            match slot.turn() {
                Turn::Wait => changed.await,
                Turn::Lead => {
                    self.slot = None;
                    self.store.no_hit();
                    self.store.miss();
                    return Waited::Lead(Lead {
                        store: Arc::clone(&self.store),
                        slot: Some(Arc::clone(&slot)),
                        replaces: None,
                    });
                }
                Turn::Ready => match slot.ready() {
                    Some(ready) => return Waited::Value(ready.value.clone()),
                    None => return Waited::Failed(None),
                },
                Turn::Failed(error) => return Waited::Failed(error),
            }
        }
    }
}

impl<K: CacheKey, V: CacheValue> Drop for Waiting<K, V> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take()
            && slot.leave()
        {
            self.store.remove(&slot);
        }
    }
}

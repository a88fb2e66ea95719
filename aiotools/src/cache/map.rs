//! [`Map`]: moka's cache, and what keeps the drop of a value from waiting for itself.
//!
//! moka drops what was removed in the midst of its work, under locks of its own. A value that asks its cache for something in its drop
//! would have that work done once more, and wait for a lock that its own thread holds. So each thread knows whether it is inside of
//! moka, and what can be put off is put off there.

use std::{cell::Cell, hash::Hash};

use moka::{
    ops::compute::{CompResult, Op},
    policy::EvictionPolicy,
    sync::Cache,
};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside of a map, whichever that is.
pub(super) fn is_inside() -> bool {
    // A thread that is just ending puts off what it can, too.
    INSIDE.try_with(Cell::get).unwrap_or(true)
}

/// Puts back what was, also when it unwinds.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(self.0));
    }
}

fn inside<R>(call: impl FnOnce() -> R) -> R {
    let _restore = Restore(
        INSIDE
            .try_with(|inside| inside.replace(true))
            .unwrap_or(true),
    );
    call()
}

pub(super) struct Map<K, V>(Cache<K, V>);

impl<K, V> Map<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(max_size: Option<usize>) -> Self {
        let mut map = Cache::builder().eviction_policy(EvictionPolicy::lru());
        if let Some(max_size) = max_size {
            map = map.max_capacity(max_size as u64);
        }
        Self(map.build())
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        inside(|| self.0.get(key))
    }

    /// The value that is there, or else this one.
    pub(super) fn get_or_insert(&self, key: K, value: &V) -> V {
        inside(|| self.0.get_with(key, || value.clone()))
    }

    /// Does something with what is there, in one step. True if that has changed it.
    pub(super) fn compute(&self, key: &K, change: impl FnOnce(Option<&V>) -> Op<V>) -> bool {
        let result = inside(|| {
            self.0
                .entry_by_ref(key)
                .and_compute_with(|entry| change(entry.as_ref().map(|entry| entry.value())))
        });
        matches!(result, CompResult::ReplacedWith(_) | CompResult::Removed(_))
    }

    pub(super) fn remove(&self, key: &K) -> Option<V> {
        inside(|| self.0.remove(key))
    }

    pub(super) fn remove_all(&self) {
        inside(|| self.0.invalidate_all());
    }

    /// Does what was put off, unless this thread is at it.
    pub(super) fn run_pending_tasks(&self) {
        if !is_inside() {
            inside(|| self.0.run_pending_tasks());
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.0.entry_count()).unwrap_or(usize::MAX)
    }
}

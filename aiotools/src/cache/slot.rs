//! [`Slot`]: one computation for one key, and what became of it.
//!
//! ```text
//!             the leader is dropped or panics, and somebody waits
//!            ┌──────────────────────────────▶ Abandoned ──┐
//! Running ───┤ ◀───────── one of them takes over ─────────┘
//!            ├──▶ Ready     the value is there, for good
//!            └──▶ Failed    an error, or nobody is left; the slot is of no use any more
//! ```
//!
//! 1. A slot is one generation of one key. A value that expires is not replaced in its slot: the key gets another slot.
//! 2. Whether a slot is the one of its key is up to the store alone. So nothing that happens to a slot that was invalidated, evicted or
//!    replaced can touch the one that took its place.
//! 3. `Running` has exactly one leader, which is a [`Lead`](super::store::Lead). It ends in `Ready` or `Failed`, or is dropped.
//! 4. `Abandoned` means that somebody waits, and one of those who wait has been notified. If that one is dropped, `Notify` passes the
//!    notification on; if it was the last, it leaves `Failed` behind. A newcomer may be faster; then the one that was notified waits on.
//! 5. `value` is set before the stage becomes `Ready`, and never changes. It is read without the lock.
//! 6. No code of the user runs under the lock: no clone, no drop, no comparison.

use std::{
    any::Any,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::Notify, time::Instant};

/// An error, for those who wait.
pub(super) type SharedError = Arc<dyn Any + Send + Sync>;

pub(super) struct Slot<K, V> {
    pub(super) key: K,
    /// How often the cache had been cleared when it was made.
    pub(super) epoch: u64,
    /// Tells apart all slots of the process.
    pub(super) id: u64,
    value: OnceLock<Ready<V>>,
    progress: Mutex<Progress<K, V>>,
    changed: Notify,
}

pub(super) struct Ready<V> {
    pub(super) value: V,
    /// When the computation ended.
    pub(super) at: Instant,
}

struct Progress<K, V> {
    stage: Stage,
    waiting: usize,
    /// The one that computes the next value in the background.
    successor: Option<Arc<Slot<K, V>>>,
}

enum Stage {
    Running,
    Abandoned,
    Ready,
    /// With what those who wait are to get; `None` if they are to run for themselves.
    Failed(Option<SharedError>),
}

/// What somebody who asks finds.
pub(super) enum Look {
    /// Is counted as waiting now.
    Wait,
    /// Leads now.
    Lead,
    Ready,
    Failed,
}

/// What somebody who waits finds.
pub(super) enum Turn {
    Wait,
    /// Leads now, and is no longer counted as waiting.
    Lead,
    Ready,
    Failed(Option<SharedError>),
}

impl<K, V> Slot<K, V> {
    /// For somebody who leads.
    pub(super) fn running(key: K, epoch: u64) -> Arc<Self> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            key,
            epoch,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            value: OnceLock::new(),
            progress: Mutex::new(Progress {
                stage: Stage::Running,
                waiting: 0,
                successor: None,
            }),
            changed: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Progress<K, V>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, if it is there.
    pub(super) fn ready(&self) -> Option<&Ready<V>> {
        self.value.get()
    }

    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// For somebody who has just found it.
    pub(super) fn look(&self) -> Look {
        let mut progress = self.lock();
        match progress.stage {
            Stage::Running => {
                progress.waiting += 1;
                Look::Wait
            }
            Stage::Abandoned => {
                progress.stage = Stage::Running;
                Look::Lead
            }
            Stage::Ready => Look::Ready,
            Stage::Failed(_) => Look::Failed,
        }
    }

    /// For somebody who is counted as waiting.
    pub(super) fn turn(&self) -> Turn {
        let mut progress = self.lock();
        match &progress.stage {
            Stage::Running => Turn::Wait,
            Stage::Abandoned => {
                progress.stage = Stage::Running;
                progress.waiting -= 1;
                Turn::Lead
            }
            Stage::Ready => Turn::Ready,
            Stage::Failed(error) => Turn::Failed(error.clone()),
        }
    }

    /// Somebody waits no longer. True if the slot has become useless thereby.
    pub(super) fn leave(&self) -> bool {
        let mut progress = self.lock();
        progress.waiting -= 1;
        let last = progress.waiting == 0 && matches!(progress.stage, Stage::Abandoned);
        if last {
            progress.stage = Stage::Failed(None);
        }
        last
    }

    /// The leader has a value.
    pub(super) fn finish(&self, value: V, at: Instant) {
        // Only a leader sets it, and there is only one (3).
        let _ = self.value.set(Ready { value, at });
        self.lock().stage = Stage::Ready;
        self.changed.notify_waiters();
    }

    /// The leader has an error. Gives back whether anybody hears of it.
    pub(super) fn fail(&self, error: Option<SharedError>) -> bool {
        let mut progress = self.lock();
        let heard = progress.waiting > 0 && error.is_some();
        progress.stage = Stage::Failed(error);
        drop(progress);
        self.changed.notify_waiters();
        heard
    }

    /// The leader is gone. True if the slot has become useless thereby.
    pub(super) fn abandon(&self) -> bool {
        let mut progress = self.lock();
        let alone = progress.waiting == 0;
        progress.stage = if alone {
            Stage::Failed(None)
        } else {
            Stage::Abandoned
        };
        drop(progress);
        if !alone {
            self.changed.notify_one();
        }
        alone
    }

    /// Names the one that computes the next value, unless there is one already.
    pub(super) fn succeed(&self, successor: &Arc<Self>) -> bool {
        let mut progress = self.lock();
        let first = progress.successor.is_none();
        if first {
            progress.successor = Some(Arc::clone(successor));
        }
        first
    }

    pub(super) fn successor(&self) -> Option<Arc<Self>> {
        self.lock().successor.clone()
    }

    /// The successor came to nothing; the next call may start another.
    pub(super) fn forget_successor(&self) {
        // Dropped behind the lock.
        let _successor = self.lock().successor.take();
    }
}

//! How managers ended: counters that cost a thread one plain store each.
//!
//! Every thread counts in a shard of its own, which only it writes; [`stats`] adds the shards up.
//! The shard of a thread that ends is added to `RETIRED`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::tracker;
use crate::context::Exit;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How managers ended in this process so far: what [`stats`] returns.
        ///
        /// Every manager that reached its yield and was left is in exactly one of `completed`, `failed`,
        /// `panicked` and `cancelled`; the other counters say what else happened to some of them.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// Cleanups that run in the background right now.
            pub outstanding: u64,
        }

        #[derive(Debug, Default)]
        struct Shard {
            $($name: AtomicU64,)*
        }

        impl Shard {
            const fn new() -> Self {
                Self { $($name: AtomicU64::new(0),)* }
            }

            fn add_to(&self, stats: &mut Stats) {
                $(stats.$name += self.$name.load(Relaxed);)*
            }

            fn absorb(&self, other: &Shard) {
                $(self.$name.fetch_add(other.$name.load(Relaxed), Relaxed);)*
            }
        }
    };
}

counters! {
    /// Resumed with [`Exit::Completed`].
    completed,
    /// Resumed with [`Exit::Failed`].
    failed,
    /// Resumed with [`Exit::Panicked`].
    panicked,
    /// Resumed with [`Exit::Cancelled`].
    cancelled,
    /// Cleanups that were handed over to the background.
    detached,
    /// Cleanups that were resumed but could not be run to their end, because their runtime is gone or
    /// because a scoped manager had only one poll left.
    abandoned,
    /// Cleanups that were given up at the limit of `cleanup_timeout`.
    timed_out,
    /// Cleanups that panicked.
    cleanup_panics,
}

/// The counts of threads that have ended, and of those that count while they end.
static RETIRED: Shard = Shard::new();

/// The shards of the threads that are alive.
static LIVE: Mutex<Vec<Arc<Shard>>> = Mutex::new(Vec::new());

struct Registered(Arc<Shard>);

impl Registered {
    fn new() -> Self {
        let shard = Arc::new(Shard::new());
        lock().push(Arc::clone(&shard));
        Self(shard)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut live = lock();
        live.retain(|shard| !Arc::ptr_eq(shard, &self.0));
        RETIRED.absorb(&self.0);
    }
}

thread_local! {
    static SHARD: Registered = Registered::new();
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Arc<Shard>>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: impl Fn(&Shard) -> &AtomicU64) {
    let counted = SHARD.try_with(|shard| {
        // Only this thread writes here, so this needs no read-modify-write.
        let counter = counter(&shard.0);
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    });
    if counted.is_err() {
        // The thread is ending, and its shard has been retired.
        counter(&RETIRED).fetch_add(1, Relaxed);
    }
}

pub(crate) fn count_exit(exit: Exit) {
    count(|shard| match exit {
        Exit::Completed => &shard.completed,
        Exit::Failed => &shard.failed,
        Exit::Panicked => &shard.panicked,
        Exit::Cancelled => &shard.cancelled,
    });
}

pub(crate) fn count_detached() {
    count(|shard| &shard.detached);
}

pub(crate) fn count_abandoned() {
    count(|shard| &shard.abandoned);
}

pub(crate) fn count_timed_out() {
    count(|shard| &shard.timed_out);
}

pub(crate) fn count_panic() {
    count(|shard| &shard.cleanup_panics);
}

/// How managers ended in this process so far, on all threads and runtimes.
///
/// The counters are read one after the other while others count on, so they agree with each other
/// only when nothing is going on.
///
/// # Examples
///
/// ```
/// # use aiotools::{actxmgr, cleanup};
/// # #[actxmgr]
/// # async fn lease() { yield_!(); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let before = cleanup::stats();
/// lease().scope(async |()| ()).await;
/// assert_eq!(cleanup::stats().completed, before.completed + 1);
/// # }
/// ```
#[must_use]
pub fn stats() -> Stats {
    let mut stats = Stats::default();
    let live = lock();
    RETIRED.add_to(&mut stats);
    for shard in live.iter() {
        shard.add_to(&mut stats);
    }
    stats.outstanding = tracker::outstanding();
    stats
}

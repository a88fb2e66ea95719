//! How managers ended: counters that cost a thread one plain store each.
//!
//! Every thread counts in a shard of its own, which only it writes; [`stats`] adds the shards up.
//! The shard of a thread that ends goes to the next that begins.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

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

        /// In cache lines of its own, as its thread writes to it all the time.
        #[repr(align(64))]
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

/// The counts of threads that count while they end.
static ENDING: Shard = Shard::new();

/// Every shard that there is: those of the threads, and those that wait for another thread to count on in
/// them. They are never freed, so a shard costs a thread one pointer.
static SHARDS: Mutex<Shards> = Mutex::new(Shards {
    all: Vec::new(),
    free: Vec::new(),
});

struct Shards {
    all: Vec<&'static Shard>,
    free: Vec<&'static Shard>,
}

fn shards() -> std::sync::MutexGuard<'static, Shards> {
    SHARDS.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The shard of this thread, from its first count to its end.
    static SHARD: Cell<Option<&'static Shard>> = const { Cell::new(None) };
    /// Gives it to another thread.
    static LEASE: Lease = Lease::new();
}

struct Lease(&'static Shard);

impl Lease {
    fn new() -> Self {
        let mut shards = shards();
        let shard = shards.free.pop().unwrap_or_else(|| {
            let shard = Box::leak(Box::new(Shard::new()));
            shards.all.push(shard);
            shard
        });
        SHARD.set(Some(shard));
        Self(shard)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        SHARD.set(None);
        shards().free.push(self.0);
    }
}

#[inline]
fn count(counter: impl Fn(&Shard) -> &AtomicU64) {
    let shard = SHARD.get().or_else(lease);
    let Some(shard) = shard else {
        counter(&ENDING).fetch_add(1, Relaxed);
        return;
    };
    // Only this thread writes here, so this needs no read-modify-write.
    let counter = counter(shard);
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// A shard for this thread; `None` if it is ending, and has given its shard away.
#[cold]
fn lease() -> Option<&'static Shard> {
    LEASE.try_with(|lease| lease.0).ok()
}

#[inline]
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
    ENDING.add_to(&mut stats);
    for shard in &shards().all {
        shard.add_to(&mut stats);
    }
    stats.outstanding = tracker::outstanding();
    stats
}

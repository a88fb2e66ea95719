//! The count of cleanups that run in the background, and the wait for all of them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

static OUTSTANDING: AtomicU64 = AtomicU64::new(0);
static NONE_LEFT: Notify = Notify::const_new();

/// One cleanup in the background, counted as long as this lives.
#[derive(Debug)]
pub(crate) struct Outstanding(());

impl Outstanding {
    pub(crate) fn new() -> Self {
        // Relaxed: a drain that starts later in program order sees it, and one that runs at the same
        // time may or may not wait for it.
        OUTSTANDING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        // Release, with the acquire in `outstanding`: who sees zero sees what the cleanups did.
        if OUTSTANDING.fetch_sub(1, Ordering::Release) == 1 {
            NONE_LEFT.notify_waiters();
        }
    }
}

pub(crate) fn outstanding() -> u64 {
    OUTSTANDING.load(Ordering::Acquire)
}

/// Until when [`drain`] waits: a [`Duration`] from now, or an [`Instant`].
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl From<Duration> for Deadline {
    /// A duration that no clock can represent means: for as long as it takes.
    fn from(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }
}

impl From<Instant> for Deadline {
    fn from(deadline: Instant) -> Self {
        Self(Some(deadline))
    }
}

impl From<std::time::Instant> for Deadline {
    fn from(deadline: std::time::Instant) -> Self {
        Self(Some(deadline.into()))
    }
}

/// What [`drain`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether all cleanups have ended"]
pub struct Drained {
    outstanding: u64,
}

impl Drained {
    /// Whether no cleanup was left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outstanding == 0
    }

    /// How many cleanups were still running when the deadline passed.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outstanding {
            0 => f.write_str("all cleanups have ended"),
            1 => f.write_str("1 cleanup is still running"),
            n => write!(f, "{n} cleanups are still running"),
        }
    }
}

/// Waits until no cleanup runs in the background, or until `deadline`.
///
/// Call it before a runtime ends: cleanups that are still running then are dropped with it. It waits
/// for the whole process, also for cleanups that begin while it waits; it does not wait for guards that
/// somebody still holds.
///
/// # Panics
///
/// If it has to wait in a runtime whose timer is not enabled.
///
/// # Cancel safety
///
/// Only watches: dropping it changes nothing.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use aiotools::{actxmgr, cleanup};
/// # #[actxmgr]
/// # async fn lease() { yield_!(); tokio::task::yield_now().await; }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let guard = lease().await;
/// drop(guard); // the cleanup goes on in the background
/// let drained = cleanup::drain(Duration::from_secs(5)).await;
/// assert!(drained.is_complete(), "{drained}");
/// # }
/// ```
pub async fn drain(deadline: impl Into<Deadline>) -> Drained {
    let Deadline(deadline) = deadline.into();
    let none_left = async {
        loop {
            // Registered before the count is read, so that the last cleanup cannot end in between.
            let notified = NONE_LEFT.notified();
            if outstanding() == 0 {
                break;
            }
            notified.await;
        }
    };
    match deadline {
        _ if outstanding() == 0 => {}
        None => none_left.await,
        // The deadline is no error here: what is left is counted below.
        Some(deadline) => drop(tokio::time::timeout_at(deadline, none_left).await),
    }
    Drained {
        outstanding: outstanding(),
    }
}

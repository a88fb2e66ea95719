//! A log that the code under test writes and the test reads.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// A shared list of events, in the order in which they happened.
#[derive(Clone, Default)]
pub struct Trace(Arc<Shared>);

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<String>>,
    changed: Notify,
}

impl Trace {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event.
    pub fn push(&self, event: impl fmt::Display) {
        self.lock().push(event.to_string());
        self.0.changed.notify_waiters();
    }

    /// What has happened so far.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// How often `event` has happened so far.
    #[must_use]
    pub fn count(&self, event: &str) -> usize {
        self.lock().iter().filter(|seen| *seen == event).count()
    }

    /// Waits until `event` has happened.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn wait_for(&self, event: &str) {
        // Long: in real time the machine may be busy, and in virtual time it costs nothing.
        self.wait_for_in(event, Duration::from_secs(60)).await;
    }

    /// Waits until `event` has happened, for at most as long as said.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn wait_for_in(&self, event: &str, limit: Duration) {
        let happened = async {
            loop {
                let changed = self.0.changed.notified();
                if self.count(event) > 0 {
                    break;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(limit, happened).await.is_err() {
            panic!("`{event}` did not happen: {self:?}");
        }
    }

    /// An event that happens when it is dropped.
    #[must_use]
    pub fn on_drop(&self, event: impl fmt::Display) -> OnDrop {
        OnDrop {
            trace: self.clone(),
            event: event.to_string(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}

/// Compares with the events so far.
impl<const N: usize> PartialEq<[&str; N]> for Trace {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.lock().as_slice() == other
    }
}

/// See [`Trace::on_drop`].
#[derive(Debug)]
pub struct OnDrop {
    trace: Trace,
    event: String,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.trace.push(&self.event);
    }
}

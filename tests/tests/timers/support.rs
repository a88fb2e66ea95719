//! What the tests of timers share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aiotools::{VirtualClock, catch_cancel};

pub(crate) const POLICIES: [aiotools::TimerDelayPolicy; 4] = [
    aiotools::TimerDelayPolicy::Accumulate,
    aiotools::TimerDelayPolicy::Cancel,
    aiotools::TimerDelayPolicy::Skip,
    aiotools::TimerDelayPolicy::Queue,
];

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) async fn sleep(millis: u64) {
    tokio::time::sleep(ms(millis)).await;
}

/// What happened, and at which millisecond of virtual time.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(u64, String)>>>);

impl Log {
    pub(crate) fn add(&self, what: impl Into<String>) {
        let now = VirtualClock::current().elapsed().as_millis() as u64;
        self.0.lock().unwrap().push((now, what.into()));
    }

    /// When `what` happened.
    pub(crate) fn times(&self, what: &str) -> Vec<u64> {
        let log = self.0.lock().unwrap();
        log.iter()
            .filter(|entry| entry.1 == what)
            .map(|entry| entry.0)
            .collect()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.times(what).len()
    }
}

/// Logs `start`, works for so long, logs `end`; when cancelled, logs `cancelled`, cleans up for so long, logs `cleaned`.
pub(crate) async fn tick(log: Log, work: u64, cleanup: u64) {
    log.add("start");
    match catch_cancel(sleep(work)).await {
        Ok(()) => log.add("end"),
        Err(_) => {
            log.add("cancelled");
            sleep(cleanup).await;
            log.add("cleaned");
        }
    }
}

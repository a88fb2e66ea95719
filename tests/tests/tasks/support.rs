//! What the tests of tasks share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aiotools::{Cancelled, catch_cancel};

/// Any error.
pub(crate) type Error = aiotools::BoxError;

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|known| *known == what)
            .count()
    }

    pub(crate) fn has(&self, what: &str) -> bool {
        self.count(what) > 0
    }
}

/// Sleeps for so many milliseconds.
pub(crate) async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Says when it is dropped.
pub(crate) struct OnDrop(pub(crate) Log, pub(crate) &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// Sleeps, and cleans up for so long when cancelled: logs `cancelled` before and `cleaned` after.
pub(crate) async fn cleans_up(log: Log, work: u64, cleanup: u64) -> Result<(), Cancelled> {
    let caught = catch_cancel(sleep(work)).await;
    match caught {
        Ok(()) => log.add("completed"),
        Err(_) => {
            log.add("cancelled");
            sleep(cleanup).await;
            log.add("cleaned");
        }
    }
    caught
}

/// Waits for what was left behind outside of any group. Without a deadline, which would be the next thing
/// to happen on a paused clock.
pub(crate) async fn drained() {
    let drained = aiotools::cleanup::drain(std::time::Duration::MAX).await;
    assert!(drained.is_complete());
}

#[aiotools::actxmgr]
async fn guard(cleanup: impl Future<Output = ()> + Send + 'static) {
    yield_!();
    cleanup.await;
}

/// Leaves `cleanup` behind, as a guard does that is dropped.
pub(crate) fn leave_behind(cleanup: impl Future<Output = ()> + Send + 'static) {
    use futures::FutureExt;
    drop(
        guard(cleanup)
            .enter()
            .now_or_never()
            .expect("there is nothing to wait for"),
    );
}

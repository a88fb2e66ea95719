//! All workers, as their parent sees them.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{child::Child, failure::How};

/// How long a process may take to end after SIGKILL.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(10);

/// The workers, by index. Whatever is left of them is killed and reaped when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Children(pub(super) Vec<Child>);

impl Children {
    pub(super) fn all_reaped(&self) -> bool {
        self.0.iter().all(Child::is_reaped)
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill(How::Lost);
        }
        let until = Instant::now() + KILL_LIMIT;
        while !self.all_reaped() && Instant::now() < until {
            for child in &mut self.0 {
                child.try_reap();
            }
            pause();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parent has no runtime that this could block, and waits for processes that are all but gone"
)]
fn pause() {
    thread::sleep(Duration::from_millis(1));
}

//! All child processes, in the hands of their parent.

use std::{
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::child::Child;
use crate::server::supervision::{KILL_LIMIT, WorkerId};

/// Whatever is left of them is killed and reaped when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Children(pub(super) Vec<Child>);

impl Children {
    pub(super) fn get_mut(&mut self, id: WorkerId) -> Option<&mut Child> {
        self.0.iter_mut().find(|child| child.id == id)
    }

    pub(super) fn forget_reaped(&mut self) {
        self.0.retain(|child| !child.is_reaped());
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &self.0 {
            child.kill(Signal::SIGKILL);
        }
        let until = Instant::now() + KILL_LIMIT;
        while self.0.iter().any(Child::is_waited_for) && Instant::now() < until {
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

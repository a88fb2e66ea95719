//! Whether this process may be forked.
//!
//! tokio can be used in a fork only if the parent has never used it. What can be known:
//!
//! - a runtime around the caller: tokio says so;
//! - a runtime that this library started: it is noted;
//! - a multi-thread runtime, or a pool of blocking threads, elsewhere in the process: there are threads;
//! - a current-thread runtime that waits for its turn: it has an epoll descriptor open.
//!
//! What cannot be known is that a runtime was there and has gone without a trace. What could be left of it in a child
//! are signal handlers, and those are taken off.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{AforkError, error::Kind, fork::thread_count};

static TOKIO_USED: AtomicBool = AtomicBool::new(false);

/// Notes that this process has used tokio.
#[cfg_attr(not(feature = "macros"), expect(dead_code))]
pub(crate) fn tokio_is_used() {
    // Relaxed: who forks has one thread.
    TOKIO_USED.store(true, Ordering::Relaxed);
}

/// Refuses what can be seen to break the rule.
pub(super) fn check() -> Result<(), AforkError> {
    if TOKIO_USED.load(Ordering::Relaxed) || tokio::runtime::Handle::try_current().is_ok() {
        return Err(Kind::Tokio.into());
    }
    let threads = thread_count();
    if threads > 1 {
        return Err(Kind::Threads(threads).into());
    }
    if has_event_loop() {
        return Err(Kind::EventLoop.into());
    }
    Ok(())
}

/// Whether an epoll descriptor is open; `false` where that cannot be found out.
fn has_event_loop() -> bool {
    let Ok(fds) = std::fs::read_dir("/proc/self/fd") else {
        return false;
    };
    fds.flatten().any(|fd| {
        std::fs::read_link(fd.path())
            .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
    })
}

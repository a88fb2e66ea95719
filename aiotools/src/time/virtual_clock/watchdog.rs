//! Notices that nothing can ever happen again.
//!
//! A thread watches, in real time, whether the runtime waits without end. It cannot be waiting for a timer, since then the clock would
//! have moved; so it waits for I/O, for `spawn_blocking` work, for another thread, or for nothing at all. If there is neither I/O nor
//! such work, and no thread has come by for a while, it is nothing at all.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Inner, lock};

/// How long something may take, in real time, before it is taken for stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Waiting, with nothing to wait for.
    pub(crate) stall: Duration,
    /// Waiting for I/O that does not come.
    pub(crate) io: Duration,
    /// The whole run, in real or in virtual time.
    pub(crate) run: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(1),
            io: Duration::from_secs(60),
            run: None,
        }
    }
}

/// What the watchdog has found, for the future that it wakes.
#[derive(Default)]
pub(super) struct Stuck {
    pub(super) why: Option<String>,
    pub(super) root: Option<Waker>,
}

/// The thread. Ends when dropped.
pub(super) struct Watchdog {
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub(super) fn start(inner: &Arc<Inner>, limits: Limits) -> Self {
        let ended = Arc::<(Mutex<bool>, Condvar)>::default();
        let (watched, stop) = (Arc::clone(inner), Arc::clone(&ended));
        let thread = thread::Builder::new()
            .name("aiotools-watchdog".into())
            .spawn(move || watch(&watched, limits, &stop))
            .ok();
        Self { ended, thread }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *lock(&self.ended.0) = true;
        self.ended.1.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn watch(inner: &Inner, limits: Limits, (ended, wake): &(Mutex<bool>, Condvar)) {
    let tick = (limits.stall / 8).max(Duration::from_millis(1));
    let start = Instant::now();
    let (mut seen, mut since) = (0, start);
    let mut ended = lock(ended);
    loop {
        ended = wake
            .wait_timeout(ended, tick)
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0;
        if *ended {
            return;
        }
        let parks = inner.parks.load(Ordering::Acquire);
        if parks != seen || parks.is_multiple_of(2) {
            (seen, since) = (parks, Instant::now());
        }
        let why = match limits.run {
            Some(limit) if start.elapsed() >= limit => {
                Some(format!("did not end within {limit:?} of real time"))
            }
            _ => nothing_left(inner, since.elapsed(), &limits),
        };
        if let Some(why) = why {
            let root = {
                let mut stuck = lock(&inner.stuck);
                stuck.why = Some(why);
                stuck.root.take()
            };
            if let Some(root) = root {
                root.wake();
            }
            return;
        }
    }
}

fn nothing_left(inner: &Inner, waited: Duration, limits: &Limits) -> Option<String> {
    if waited < limits.stall || blocking(&inner.blocking) {
        return None;
    }
    if inner.real.load(Ordering::Acquire) > 0 || inner.io.is_used() {
        return (waited >= limits.io)
            .then(|| format!("has waited for I/O for {waited:.0?} of real time"));
    }
    let clock = if inner.may_advance() {
        "no timer is pending, no I/O and no blocking work is going on"
    } else {
        "auto-advance is off, and nobody advances the clock"
    };
    Some(format!("can never wake up again: {clock}"))
}

fn blocking(threads: &AtomicUsize) -> bool {
    threads.load(Ordering::Acquire) > 0
}

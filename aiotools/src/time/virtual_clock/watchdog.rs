//! Notices that nothing can ever happen again.
//!
//! A thread watches, in real time, whether the runtime waits without end. It cannot be waiting for a timer, since then the clock would
//! have moved; so it waits for I/O, for `spawn_blocking` work, for another thread, or for nothing at all. If there is neither I/O nor
//! such work, and no thread has come by for a while, it is nothing at all.
//!
//! What it finds it tells the program's own future, which panics with it. Should that not come to it, the watchdog says it itself.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError, atomic::Ordering},
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

/// How often the watchdog looks.
fn pace(limits: &Limits) -> Duration {
    let shortest = limits.run.unwrap_or(limits.stall).min(limits.stall);
    (shortest / 8).clamp(Duration::from_millis(1), Duration::from_millis(500))
}

fn watch(inner: &Inner, limits: Limits, (ended, wake): &(Mutex<bool>, Condvar)) {
    let pace = pace(&limits);
    let mut looked = Instant::now();
    let (mut seen, mut ran, mut waited) = (0, Duration::ZERO, Duration::ZERO);
    let mut reported: Option<Report> = None;
    let mut ended = lock(ended);
    loop {
        ended = wake
            .wait_timeout_while(ended, pace, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if *ended {
            return;
        }
        // A program that was suspended, or starved, is not blamed for it: then this thread was, too.
        let step = looked.elapsed().min(pace * 2);
        looked = Instant::now();
        ran += step;
        waited += step;
        let parks = inner.parks.load(Ordering::Acquire);
        if parks != seen || parks.is_multiple_of(2) || is_blocking(inner) {
            (seen, waited) = (parks, Duration::ZERO);
        }
        if let Some(report) = &mut reported {
            report.insist(step);
            continue;
        }
        let why = match limits.run {
            Some(limit) if ran >= limit => {
                Some(format!("did not end within {limit:?} of real time"))
            }
            _ => nothing_left(inner, waited, &limits),
        };
        if let Some(why) = why {
            reported = Some(Report::new(inner, why));
        }
    }
}

/// What the watchdog has told the program, which is to panic with it.
struct Report {
    why: String,
    /// How much longer to wait for that. A thread that is blocked outside an `.await` cannot panic.
    patience: Option<Duration>,
}

impl Report {
    fn new(inner: &Inner, why: String) -> Self {
        let root = {
            let mut stuck = lock(&inner.stuck);
            stuck.why = Some(why.clone());
            // Without one it has not been polled yet, and will look.
            stuck.root.take()
        };
        if let Some(root) = root {
            root.wake();
        }
        Self {
            why,
            patience: Some(Duration::from_secs(5)),
        }
    }

    fn insist(&mut self, waited: Duration) {
        let Some(patience) = self.patience else {
            return;
        };
        self.patience = patience.checked_sub(waited);
        if self.patience.is_none() {
            let (why, dump) = (&self.why, crate::task::dump());
            // The test that hangs has no other way to say why.
            eprintln!(
                "this program {why}, and does not hear of it: its thread is blocked, outside of an `.await`\n\n{dump}"
            );
        }
    }
}

fn nothing_left(inner: &Inner, waited: Duration, limits: &Limits) -> Option<String> {
    if waited < limits.stall {
        return None;
    }
    // A thread that is about to start is not known yet. It has the time that another one takes.
    drop(thread::Builder::new().spawn(|| ()).map(JoinHandle::join));
    if is_blocking(inner) || inner.io.has_arrived() {
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

fn is_blocking(inner: &Inner) -> bool {
    inner.blocking.load(Ordering::Acquire) > 0
}

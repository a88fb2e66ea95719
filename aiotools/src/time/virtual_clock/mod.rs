//! [`VirtualClock`]: a clock for tests, in which an hour passes at once.
//!
//! # How time moves
//!
//! The runtime is tokio's current-thread one with its clock paused. Whenever no task can run, tokio moves a paused clock to the next
//! timer. Just before that it calls the hook that is here ([`Inner::idle`]), which looks whether time may move at all: not while
//! auto-advance is off, not while something [real](VirtualClock::real) is waited for, and not before real I/O has had its chance. If
//! not, the hook waits in real time for something to happen, and wakes a task that does nothing, upon which tokio looks at its I/O,
//! but leaves the clock alone.
//!
//! # Invariants
//!
//! 1. What the runtime owns (its hooks, its tasks) refers to [`Inner`] weakly: `Inner` has the runtime's handle, and a handle that is never
//!    dropped keeps two descriptors open.
//! 2. Whoever changes what [`Inner::may_advance`] says, or what the hook waits for, nudges afterwards: the hook may be waiting on it.

mod builder;
mod io;
mod watchdog;

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    time::{Duration, SystemTime},
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until},
};

pub use builder::VirtualClockBuilder;

thread_local! {
    static CURRENT: RefCell<Option<VirtualClock>> = const { RefCell::new(None) };
}

/// Virtual time for tests: a sleep of an hour takes no time, sleeps end in the order of their deadlines, and every run is the same.
///
/// [`run`](Self::run) starts a runtime with such a clock, as [`#[aiotools::test(virtual_clock)]`](macro@crate::test) does. In there, all
/// timers of tokio and of this crate, and [`system_time`](crate::time::system_time), follow it.
///
/// - **When nothing can run**, the clock moves to the next timer ([auto-advance](Self::set_auto_advance)).
/// - **While `spawn_blocking` work runs**, the clock stands still.
/// - **While sockets are open** (Linux), the clock moves only when nothing has arrived for a moment of real time. An operation that is
///   known to be real can be wrapped in [`real`](Self::real): the clock stands still until it is done.
/// - **When nothing can ever wake the program again**, it panics with the [task tree](crate::task::dump()), instead of hanging.
///
/// It works on a runtime of its own, with one thread; a multi-thread runtime has no virtual clock. Time has a resolution of 1 ms, as in
/// tokio: the order of two timers within the same millisecond is not defined.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aiotools::VirtualClock;
/// use tokio::time::sleep;
///
/// VirtualClock::run(async {
///     let clock = VirtualClock::current();
///     sleep(Duration::from_secs(3600)).await;
///     assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[derive(Clone)]
pub struct VirtualClock {
    inner: Arc<Inner>,
}

struct Inner {
    /// For those who ask from elsewhere, whose own clock is the real one.
    runtime: Handle,
    start: Instant,
    /// The date at `start`.
    date: Mutex<SystemTime>,
    auto_advance: AtomicBool,
    /// How far those that `advance` want the clock to go.
    targets: Mutex<Vec<Instant>>,
    /// How many `real` are waiting.
    real: AtomicUsize,
    seeds: AtomicU64,
    io: io::Watch,
    /// Threads of the runtime's pool that run `spawn_blocking` work.
    blocking: Arc<AtomicUsize>,
    /// Odd while nothing can run.
    parks: AtomicU64,
    /// Wakes the task that does nothing.
    idler: Mutex<Option<Waker>>,
    stuck: Mutex<watchdog::Stuck>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VirtualClock {
    /// Runs a future to its end, in a runtime of its own with a virtual clock.
    ///
    /// # Panics
    ///
    /// Inside a runtime. If the future panics. If nothing can ever wake it again.
    pub fn run<F: Future>(future: F) -> F::Output {
        Self::builder().run(future)
    }

    /// A virtual clock with other settings.
    pub fn builder() -> VirtualClockBuilder {
        VirtualClockBuilder::default()
    }

    /// The clock of the runtime that this code runs in.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[track_caller]
    #[must_use]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(clock) => clock,
            None => panic!(
                "there is no virtual clock here; use `VirtualClock::run` or `#[aiotools::test(virtual_clock)]`"
            ),
        }
    }

    /// The clock of the runtime that this code runs in, if it has one.
    #[must_use]
    pub fn try_current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok()?
    }

    /// How much virtual time has passed since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now() - self.inner.start
    }

    /// The virtual time. The same on every thread, where [`Instant::now`] is virtual in the runtime only.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.inner.now()
    }

    /// The virtual date. It begins with 2000-01-01 00:00 UTC, unless the [builder](VirtualClockBuilder::system_time) says otherwise.
    #[must_use]
    pub fn system_time(&self) -> SystemTime {
        *lock(&self.inner.date) + self.elapsed()
    }

    /// Sets the virtual date, as a clock is set: forward or back, without time having passed.
    ///
    /// # Panics
    ///
    /// If the date at the start of the clock could then not be represented.
    pub fn set_system_time(&self, date: SystemTime) {
        let start = date.checked_sub(self.elapsed());
        *lock(&self.inner.date) = start.expect("a date that can be represented");
    }

    /// Lets so much time pass: everything that is due meanwhile happens in order, and at its time. The one way in which time
    /// passes while auto-advance is off.
    ///
    /// # Panics
    ///
    /// If the clock cannot represent so late a time.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves the clock where it has come to.
    pub async fn advance(&self, time: Duration) {
        let target = self.now() + time;
        let arrived = {
            let _entered = self.inner.runtime.enter();
            sleep_until(target)
        };
        let mut arrived = pin!(arrived);
        let mut advancing = None;
        poll_fn(|cx| {
            let polled = arrived.as_mut().poll(cx);
            if polled.is_pending() && advancing.is_none() {
                // Only now that the timer is there, or the clock would run past it.
                advancing = Some(Advancing::to(target, &self.inner));
            }
            polled
        })
        .await;
    }

    /// Whether time moves on by itself when nothing can run. If not, only [`advance`](Self::advance) moves it.
    pub fn set_auto_advance(&self, on: bool) {
        self.inner.auto_advance.store(on, Ordering::Release);
        self.inner.nudge();
    }

    /// Waits for something that takes real time, such as an answer of another process. Virtual time stands still meanwhile.
    ///
    /// # Cancel safety
    ///
    /// As that of `future`.
    pub async fn real<F: Future>(&self, future: F) -> F::Output {
        let _real = Real::hold(&self.inner);
        future.await
    }

    /// A number for things that are random elsewhere.
    pub(crate) fn next_seed(&self) -> u64 {
        self.inner.seeds.fetch_add(1, Ordering::Relaxed)
    }
}

/// Lets the clock move as far as `target`, and as long as it lives.
struct Advancing<'a> {
    target: Instant,
    inner: &'a Inner,
}

impl<'a> Advancing<'a> {
    fn to(target: Instant, inner: &'a Inner) -> Self {
        lock(&inner.targets).push(target);
        inner.nudge();
        Self { target, inner }
    }
}

impl Drop for Advancing<'_> {
    fn drop(&mut self) {
        let mut targets = lock(&self.inner.targets);
        if let Some(at) = targets.iter().position(|target| *target == self.target) {
            targets.swap_remove(at);
        }
    }
}

/// Holds the clock as long as it lives.
struct Real<'a>(&'a Inner);

impl<'a> Real<'a> {
    fn hold(inner: &'a Inner) -> Self {
        inner.real.fetch_add(1, Ordering::AcqRel);
        Self(inner)
    }
}

impl Drop for Real<'_> {
    fn drop(&mut self) {
        self.0.real.fetch_sub(1, Ordering::AcqRel);
        self.0.nudge();
    }
}

impl Inner {
    fn may_advance(&self) -> bool {
        self.real.load(Ordering::Acquire) == 0
            && (self.auto_advance.load(Ordering::Acquire) || self.is_advancing())
    }

    fn is_advancing(&self) -> bool {
        let now = self.now();
        lock(&self.targets).iter().any(|target| *target > now)
    }

    fn now(&self) -> Instant {
        let _entered = self.runtime.enter();
        Instant::now()
    }

    /// Nothing can run: tokio is about to wait, or to move the clock.
    fn idle(&self) {
        self.parks.fetch_add(1, Ordering::AcqRel);
        let came = if self.may_advance() {
            self.io.is_used() && self.io.wait(Some(self.io.grace))
        } else {
            self.io.wait(None)
        };
        if came {
            self.nudge();
        }
    }

    /// Has the runtime look again, whatever it waits for.
    fn nudge(&self) {
        let idler = lock(&self.idler).clone();
        if let Some(idler) = idler {
            idler.wake();
        }
    }

    fn busy(&self) {
        self.parks.fetch_add(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualClock")
            .field("elapsed", &self.elapsed())
            .field("system_time", &self.system_time())
            .finish_non_exhaustive()
    }
}

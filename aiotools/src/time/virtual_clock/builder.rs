//! [`VirtualClockBuilder`], and the runtime that it starts.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::Instant,
};

use super::{
    CURRENT, Inner, VirtualClock, io, lock,
    watchdog::{Limits, Stuck, Watchdog},
};

/// 2000-01-01 00:00 UTC, a Saturday, in seconds since 1970.
const START: u64 = 946_684_800;

/// A [`VirtualClock`] before it starts.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use aiotools::VirtualClock;
///
/// VirtualClock::builder().auto_advance(false).run(async {
///     let clock = VirtualClock::current();
///     let nap = tokio::spawn(tokio::time::sleep(Duration::from_secs(10)));
///     clock.advance(Duration::from_secs(9)).await;
///     assert!(!nap.is_finished());
///     clock.advance(Duration::from_secs(1)).await;
///     nap.await.unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `run`"]
pub struct VirtualClockBuilder {
    auto_advance: bool,
    system_time: SystemTime,
    grace: Duration,
    limits: Limits,
}

impl Default for VirtualClockBuilder {
    fn default() -> Self {
        Self {
            auto_advance: true,
            system_time: SystemTime::UNIX_EPOCH + Duration::from_secs(START),
            grace: Duration::from_millis(20),
            limits: Limits::default(),
        }
    }
}

impl VirtualClockBuilder {
    /// Whether time moves on by itself when nothing can run. On by default.
    pub fn auto_advance(mut self, on: bool) -> Self {
        self.auto_advance = on;
        self
    }

    /// The date at the start. By default 2000-01-01 00:00 UTC, so that every run is the same.
    pub fn system_time(mut self, date: SystemTime) -> Self {
        self.system_time = date;
        self
    }

    /// How long, in real time, to wait for I/O before the clock moves, while sockets are open. 20 ms by default.
    pub fn io_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long, in real time, nothing must have happened for a program that waits for nothing to be taken for stuck. 1 s by default: another
    /// thread may still wake it. With I/O open it is 60 times as long.
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        self.limits.stall = limit;
        self.limits.io = limit.saturating_mul(60);
        self
    }

    /// Ends the run with a panic, and the task tree, after this long: of virtual or of real time, whichever passes first.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.run = Some(limit);
        self
    }

    /// Runs a future to its end, in a runtime of its own with this clock.
    ///
    /// # Panics
    ///
    /// Inside a runtime. If the future panics. If nothing can ever wake it again.
    pub fn run<F: Future>(self, future: F) -> F::Output {
        assert!(
            Handle::try_current().is_err(),
            "a virtual clock has a runtime of its own and cannot be started inside another one; call it from a function that is not \
             async, or use `#[aiotools::test(virtual_clock)]` in place of the test attribute that is there"
        );
        let hooked = Arc::new(OnceLock::<Weak<Inner>>::new());
        let blocking = Arc::new(AtomicUsize::new(0));
        let runtime = runtime(&hooked, &blocking);
        let inner = {
            let _entered = runtime.enter();
            Arc::new(Inner {
                runtime: runtime.handle().clone(),
                start: Instant::now(),
                date: Mutex::new(self.system_time),
                auto_advance: AtomicBool::new(self.auto_advance),
                targets: Mutex::default(),
                real: AtomicUsize::new(0),
                seeds: AtomicU64::new(0),
                io: io::Watch::new(&runtime, self.grace),
                blocking,
                parks: AtomicU64::new(0),
                idler: Mutex::new(None),
                stuck: Mutex::new(Stuck::default()),
            })
        };
        hooked.get_or_init(|| Arc::downgrade(&inner));
        let _current = Current::set(&inner);
        // Until after the runtime's own end, which may take long.
        let _watchdog = Watchdog::start(&inner, self.limits);
        runtime.spawn(idler(Arc::downgrade(&inner)));
        let run = || runtime.block_on(watched(&inner, self.limits.run, future));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(output) => {
                drop(runtime);
                output
            }
            Err(panic) => {
                // A failure is not to wait for blocking work, which may never end.
                runtime.shutdown_background();
                resume_unwind(panic)
            }
        }
    }
}

/// The runtime, with the hooks of the clock that is yet to be made.
fn runtime(hooked: &Arc<OnceLock<Weak<Inner>>>, blocking: &Arc<AtomicUsize>) -> Runtime {
    let hook = |call: fn(&Arc<Inner>)| {
        let hooked = Arc::clone(hooked);
        move || {
            if let Some(inner) = hooked.get().and_then(Weak::upgrade) {
                call(&inner);
            }
        }
    };
    let (park, unpark) = (hook(|inner| inner.idle()), hook(|inner| inner.busy()));
    let enter = hook(Current::enter);
    let (started, stopped) = (Arc::clone(blocking), Arc::clone(blocking));
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .thread_name("aiotools-blocking")
        // A thread is there only as long as it has work, so their number says how much there is.
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::AcqRel);
            enter();
        })
        .on_thread_stop(move || {
            Current::leave();
            stopped.fetch_sub(1, Ordering::AcqRel);
        })
        .on_thread_park(park)
        .on_thread_unpark(unpark)
        .build()
        .expect("a runtime can be built")
}

/// The clock is the current one on this thread as long as this lives.
struct Current;

impl Current {
    fn set(inner: &Arc<Inner>) -> Self {
        Self::enter(inner);
        Self
    }

    fn enter(inner: &Arc<Inner>) {
        let inner = Arc::clone(inner);
        CURRENT.with(|current| *current.borrow_mut() = Some(VirtualClock { inner }));
    }

    fn leave() {
        // Dropped outside the borrow.
        let clock = CURRENT.with(|current| current.borrow_mut().take());
        drop(clock);
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        Self::leave();
    }
}

/// The task that does nothing but make tokio look at its I/O.
async fn idler(inner: Weak<Inner>) {
    poll_fn(|cx| {
        if let Some(inner) = inner.upgrade() {
            *lock(&inner.idler) = Some(cx.waker().clone());
        }
        Poll::<()>::Pending
    })
    .await;
}

/// Runs the future until its end, or until it is stuck.
async fn watched<F: Future>(inner: &Inner, limit: Option<Duration>, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut limit = pin!(async {
        match limit {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                limit
            }
            None => std::future::pending().await,
        }
    });
    poll_fn(|cx| {
        let why = {
            let mut stuck = lock(&inner.stuck);
            stuck.root = Some(cx.waker().clone());
            stuck.why.take()
        };
        if let Some(why) = why {
            panic!("this program {why}\n\n{}", crate::task::dump());
        }
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        if let Poll::Ready(limit) = limit.as_mut().poll(cx) {
            let dump = crate::task::dump();
            panic!("this program did not end within {limit:?} of virtual time\n\n{dump}");
        }
        Poll::Pending
    })
    .await
}

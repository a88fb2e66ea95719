//! `#[timer]` and `#[test]`, as they are used.

use std::{
    fmt::Debug,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{
    __private::{Flavor, run_test},
    TaskGroup, VirtualClock, timer,
};

use crate::support::{ms, sleep};

#[timer(interval = "1s")]
async fn tick(interval: Duration, hits: Arc<AtomicU32>) {
    assert_eq!(interval, Duration::from_secs(1));
    hits.fetch_add(1, Relaxed);
}

#[aiotools::test(virtual_clock)]
async fn starts_at_once_and_stops(clock: VirtualClock) {
    let hits = Arc::new(AtomicU32::new(0));
    let t = tick(hits.clone());
    sleep(2500).await;
    t.cancel().await;
    sleep(2500).await;
    assert_eq!(hits.load(Relaxed), 3);
    assert_eq!(clock.elapsed(), ms(5000));
}

#[timer(interval = "10ms", policy = cancel, start = after_interval, name = "poll", jitter = "2ms")]
async fn poll_once(tries: Arc<AtomicU32>) -> io::Result<()> {
    let n = tries.fetch_add(1, Relaxed);
    if n == 2 {
        Err(io::Error::other("nobody is there"))?;
    }
    sleep(1000).await;
    Ok(())
}

#[aiotools::test(virtual_clock, timeout = "1m")]
async fn takes_every_argument() -> io::Result<()> {
    let tries = Arc::new(AtomicU32::new(0));
    let t = poll_once(tries.clone());
    sleep(9).await;
    assert_eq!(t.ticks(), 0);
    sleep(44).await;
    t.cancel().await;
    assert_eq!(tries.load(Relaxed), 5);
    Ok(())
}

#[timer]
async fn at_any_interval(interval: Duration, (a, mut b): (u32, u32), seen: Arc<Mutex<Vec<u32>>>) {
    b += interval.as_millis() as u32;
    seen.lock().unwrap().push(a + b);
}

#[aiotools::test(virtual_clock)]
async fn the_starter_takes_the_interval_where_the_attribute_does_not() {
    let seen = Arc::default();
    let t = at_any_interval(ms(50), (1, 2), Arc::clone(&seen));
    sleep(60).await;
    t.cancel().await;
    assert_eq!(*seen.lock().unwrap(), [53, 53]);
}

struct Cache<T> {
    entries: Mutex<Vec<T>>,
    sweeps: AtomicU64,
}

impl<T: Clone + Debug + Send + Sync + 'static> Cache<T> {
    /// A method, in a generic type.
    #[timer(interval = "1m", policy = skip)]
    async fn sweep(self: Arc<Self>, limit: usize) {
        self.entries.lock().unwrap().truncate(limit);
        self::noop();
        let this = &self;
        this.sweeps.fetch_add(1, Relaxed);
    }
}

fn noop() {}

#[aiotools::test(virtual_clock)]
async fn methods_and_generics() {
    let cache = Arc::new(Cache {
        entries: Mutex::new(vec!["a", "b", "c"]),
        sweeps: AtomicU64::new(0),
    });
    let t = cache.clone().sweep(1);
    sleep(61_000).await;
    drop(t);
    assert_eq!(cache.sweeps.load(Relaxed), 2);
    assert_eq!(*cache.entries.lock().unwrap(), ["a"]);
}

#[timer(interval = "1s", policy = queue)]
async fn generic<T: Clone + Send + 'static, F>(
    value: T,
    f: F,
    log: impl Fn(&T) + Clone + Send + 'static,
) where
    F: Fn(&T) -> bool + Clone + Send + 'static,
{
    if f(&value) {
        log(&value);
    }
}

#[aiotools::test(virtual_clock)]
async fn free_functions_may_be_generic() {
    let seen = Arc::new(AtomicU32::new(0));
    let s = seen.clone();
    let t = generic(
        7_u32,
        |n| *n == 7,
        move |n| {
            s.fetch_add(*n, Relaxed);
        },
    );
    sleep(1500).await;
    t.cancel().await;
    assert_eq!(seen.load(Relaxed), 14);
}

#[aiotools::test(flavor = multi_thread, worker_threads = 2, timeout = "20s")]
async fn a_multi_thread_test() {
    let hits = Arc::new(AtomicU32::new(0));
    let h = hits.clone();
    let t = aiotools::create_timer(
        move |_| {
            let hits = h.clone();
            async move {
                hits.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        },
        ms(1),
        aiotools::TimerDelayPolicy::Skip,
    );
    while hits.load(Relaxed) < 20 {
        sleep(1).await;
    }
    t.cancel().await;
    let seen = hits.load(Relaxed);
    sleep(5).await;
    assert_eq!(hits.load(Relaxed), seen);
}

#[aiotools::test(timeout = "50ms")]
#[should_panic(expected = "did not end within 50ms")]
async fn a_test_that_is_late_fails() {
    std::future::pending().await
}

#[aiotools::test(timeout = "50ms")]
#[should_panic(expected = "the group that hangs")]
async fn a_test_that_is_late_shows_the_task_tree() {
    let group = TaskGroup::builder().name("the group that hangs");
    let ended = group.scope(async |_| std::future::pending().await).await;
    ended.unwrap()
}

/// The subject is real time, and a thread that is blocked.
#[test]
fn a_test_that_is_late_leaves_blocking_work_behind() {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let late = AssertUnwindSafe(|| {
        run_test(Flavor::CurrentThread, Some(ms(50)), async {
            let work = tokio::task::spawn_blocking(move || wait.recv_timeout(ms(30_000)));
            drop(work.await);
        });
    });
    assert!(catch_unwind(late).is_err());
    assert!(end.send(()).is_ok(), "it was waited for");
}

//! Expiry and refreshes, under a virtual clock.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{LruCache, VirtualClock, lru_cache};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// What `tracing` wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// FUN-07.
#[aiotools::test(virtual_clock)]
async fn cache_time_expiry() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache(max_size = 2)]
    async fn for_ever(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        n
    }
    for_ever(1).await;
    sleep(100 * MS).await;
    for_ever(1).await;
    assert_eq!(RUNS.load(Relaxed), 1);

    #[lru_cache(max_size = 2, expire_after = "50ms")]
    async fn for_a_while(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        n
    }
    for_a_while(1).await;
    for_a_while(1).await;
    assert_eq!(RUNS.load(Relaxed), 2);
    sleep(100 * MS).await;
    for_a_while(1).await;
    assert_eq!(RUNS.load(Relaxed), 3);
}

/// Counted from the end of the run; a hit does not prolong it; a new run does.
#[aiotools::test(virtual_clock)]
async fn cache_time_counts_from_the_end() {
    let cache = LruCache::builder().expire_after(50 * MS).build();
    let at = Instant::now();
    let run = || {
        cache.get_with(1, async {
            sleep(30 * MS).await;
            at.elapsed().as_millis()
        })
    };
    assert_eq!(run().await, 30);
    sleep(49 * MS).await;
    assert_eq!(run().await, 30);
    sleep(MS).await; // at 80
    assert_eq!(run().await, 110);
    sleep(49 * MS).await;
    assert_eq!(run().await, 110);
}

/// What has expired is gone, also if nobody asks for it any more.
#[aiotools::test(virtual_clock)]
async fn cache_time_nothing_piles_up() {
    let cache = LruCache::builder()
        .unlimited()
        .expire_after(50 * MS)
        .build();
    for n in 0..1000 {
        cache.get_with(n, async {}).await;
    }
    assert_eq!(cache.info().current_size, 1000);
    sleep(50 * MS).await;
    assert_eq!(cache.info().current_size, 0);

    // Without anybody looking, new ones make the old ones go.
    let kept = Arc::new(());
    for n in 0..100 {
        let kept = kept.clone();
        cache.get_with(n, async { drop(kept) }).await;
        sleep(50 * MS).await;
    }
    assert!(cache.info().current_size <= 1);
}

/// What nobody would be given any more is not there.
#[aiotools::test(virtual_clock)]
async fn cache_time_invalidates_what_is_there() {
    let cache = LruCache::builder()
        .expire_after(50 * MS)
        .stale_while_revalidate(50 * MS)
        .build();
    for (age, there) in [(49, true), (99, true), (100, false)] {
        cache.get_with(1, async {}).await;
        sleep(age * MS).await;
        assert_eq!(cache.invalidate(&1), there, "after {age} ms");
    }
}

/// Everybody who finds it expired waits for the same run.
#[aiotools::test(virtual_clock)]
async fn cache_time_expired_runs_once() {
    let cache = LruCache::builder().expire_after(MS).build();
    let runs = AtomicU32::new(0);
    let run = || {
        cache.get_with(1, async {
            sleep(MS).await;
            runs.fetch_add(1, Relaxed)
        })
    };
    run().await;
    sleep(MS).await;
    let (one, two, three) = tokio::join!(run(), run(), run());
    assert_eq!((one, two, three), (1, 1, 1));
}

/// Stamped by a clock that was far ahead, a value is not taken to be fresh for as long.
#[test]
fn cache_time_of_two_clocks() {
    let cache = LruCache::builder().expire_after(MS).build();
    VirtualClock::run(async {
        sleep(Duration::from_secs(3600)).await;
        cache.get_with(1, async { "ahead" }).await;
    });
    VirtualClock::run(async {
        assert_eq!(cache.get_with(1, async { "now" }).await, "now");
    });
}

/// Within the window the old value comes at once, and one refresh is started.
#[aiotools::test(virtual_clock)]
async fn cache_time_stale_while_revalidate(clock: VirtualClock) {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache(expire_after = "1s", stale_while_revalidate = "1m")]
    async fn version(of: String) -> u32 {
        let _ = of;
        sleep(100 * MS).await;
        RUNS.fetch_add(1, Relaxed)
    }
    let version = || version("it".into());
    assert_eq!(version().await, 0);
    sleep(Duration::from_secs(30)).await;
    let asked = clock.elapsed();
    for _ in 0..10 {
        assert_eq!(version().await, 0);
    }
    assert_eq!(clock.elapsed(), asked, "nobody waited");
    sleep(101 * MS).await;
    assert_eq!(version().await, 1);
    assert_eq!(RUNS.load(Relaxed), 2);

    // Behind the window they wait.
    sleep(Duration::from_secs(61)).await;
    assert_eq!(version().await, 2);
}

/// Nobody is given a value from behind the window; those who come then wait for the refresh that is under way.
#[aiotools::test(virtual_clock)]
async fn cache_time_slow_refresh_is_joined() {
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(10 * MS)
        .build();
    let runs = Arc::new(AtomicU32::new(0));
    let get = || {
        let runs = runs.clone();
        cache.get_stale_with(1, async move {
            let run = runs.fetch_add(1, Relaxed);
            sleep(20 * MS * run).await;
            run
        })
    };
    assert_eq!(get().await, 0);
    sleep(5 * MS).await;
    assert_eq!(get().await, 0); // the refresh runs until 25
    sleep(10 * MS).await;
    let at = Instant::now();
    assert_eq!(tokio::join!(get(), get()), (1, 1));
    assert_eq!(at.elapsed(), 10 * MS);
    assert_eq!(runs.load(Relaxed), 2);
    let info = cache.info();
    assert_eq!((info.hits, info.misses, info.refreshes), (3, 1, 1));
    assert_eq!(info.current_size, 1);
}

/// A refresh that fails is heard of, leaves the old value, and is tried again.
#[aiotools::test(virtual_clock)]
async fn cache_time_failed_refresh() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache(expire_after = "1s", stale_while_revalidate = "1m")]
    async fn unsteady() -> Result<u32, String> {
        match RUNS.fetch_add(1, Relaxed) {
            1 => Err("not today".into()),
            2 => panic!("worse"),
            run => Ok(run),
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    assert_eq!(unsteady().await, Ok(0));
    sleep(Duration::from_secs(2)).await;
    for runs in [2, 3] {
        assert_eq!(unsteady().await, Ok(0));
        sleep(MS).await;
        assert_eq!(RUNS.load(Relaxed), runs);
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("not today").count(), 1, "{text}");
    assert_eq!(text.matches("worse").count(), 1, "{text}");
    assert_eq!(unsteady().await, Ok(0));
    sleep(MS).await;
    assert_eq!(unsteady().await, Ok(3));
}

/// Part B once more: a refresh of an entry that was invalidated does not bring it back.
#[aiotools::test(virtual_clock)]
async fn cache_time_invalidated_refresh() {
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(Duration::from_secs(1))
        .build();
    cache.get_stale_with(1, async { "old" }).await;
    sleep(2 * MS).await;
    let stale = cache
        .get_stale_with(1, async {
            sleep(10 * MS).await;
            "refreshed"
        })
        .await;
    assert_eq!(stale, "old");
    assert!(cache.invalidate(&1));
    assert_eq!(cache.get_stale_with(1, async { "newer" }).await, "newer");
    sleep(10 * MS).await; // the refresh has ended
    assert_eq!(cache.get_stale_with(1, async { "anew" }).await, "newer");
}

/// A refresh ends with the cache: `close`, or the drop of the last handle.
#[aiotools::test(virtual_clock)]
async fn cache_time_refresh_ends_with_the_cache() {
    for drops in [false, true] {
        let cache = LruCache::builder()
            .expire_after(MS)
            .stale_while_revalidate(Duration::from_secs(1))
            .build();
        let held = Arc::new(());
        cache.get_stale_with(1, async {}).await;
        sleep(2 * MS).await;
        let inside = held.clone();
        cache
            .get_stale_with(1, async move {
                pending::<()>().await;
                drop(inside)
            })
            .await;
        sleep(MS).await;
        assert_eq!(Arc::strong_count(&held), 2, "it runs");
        if drops {
            drop(cache);
            sleep(MS).await;
        } else {
            cache.close().await;
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

/// Who closes it again, or at the same time, waits for the same end.
#[aiotools::test(virtual_clock)]
async fn cache_time_close_waits_for_the_end_each_time(clock: VirtualClock) {
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(Duration::from_secs(1))
        .build();
    cache.get_stale_with(1, async {}).await;
    sleep(2 * MS).await;
    let cleans_up = async {
        let _ = aiotools::catch_cancel(pending::<()>()).await;
        sleep(100 * MS).await;
    };
    cache.get_stale_with(1, cleans_up).await;
    sleep(MS).await;
    let start = clock.now();
    assert!(tokio::time::timeout(10 * MS, cache.close()).await.is_err());
    tokio::join!(cache.close(), cache.close());
    assert_eq!(clock.now() - start, 100 * MS);
    cache.close().await;
}

/// A cache that is closed while a call is on its way to the background starts nothing there.
#[aiotools::test(virtual_clock)]
async fn cache_time_close_during_a_call() {
    type Called = Mutex<Option<Box<dyn FnOnce() + Send>>>;

    /// Calls something when it is cloned, which the cache does for each call.
    struct Value(Arc<Called>);

    impl Clone for Value {
        fn clone(&self) -> Self {
            if let Some(call) = self.0.lock().unwrap().take() {
                call();
            }
            Self(self.0.clone())
        }
    }

    let called = Arc::<Called>::default();
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(Duration::from_secs(1))
        .build();
    let value = || Value(called.clone());
    let first = value();
    cache.get_stale_with(1, async { first }).await;
    sleep(2 * MS).await;
    let closing = cache.clone();
    *called.lock().unwrap() = Some(Box::new(move || {
        futures::executor::block_on(closing.close());
    }));
    let held = Arc::new(());
    let inside = held.clone();
    cache
        .get_stale_with(1, async move {
            let _inside = inside;
            pending().await
        })
        .await;
    assert!(cache.is_closed());
    sleep(MS).await;
    assert_eq!(Arc::strong_count(&held), 1, "nothing runs behind its back");
}

/// A refresh does not keep the group around the call, and is not cancelled with it.
#[aiotools::test(virtual_clock)]
async fn cache_time_refresh_belongs_to_the_cache(clock: VirtualClock) {
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(Duration::from_secs(1))
        .build();
    cache.get_stale_with(1, async { 1 }).await;
    sleep(2 * MS).await;
    let before = clock.elapsed();
    let inside = cache.clone();
    aiotools::TaskGroup::scope(async |tg| {
        tg.spawn_infallible(async move {
            let refresh = async {
                sleep(5 * MS).await;
                2
            };
            inside.get_stale_with(1, refresh).await
        });
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(clock.elapsed(), before);
    sleep(5 * MS).await;
    assert_eq!(cache.get_with(1, async { 3 }).await, 2);
}

/// A runtime that ends takes its refreshes along; the next one starts its own.
#[test]
fn cache_time_refresh_ends_with_its_runtime() {
    let cache = LruCache::builder()
        .expire_after(MS)
        .stale_while_revalidate(Duration::from_secs(60))
        .build();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    runtime().block_on(async {
        cache.get_stale_with(1, async { 1 }).await;
        sleep(2 * MS).await;
        assert_eq!(cache.get_stale_with(1, pending()).await, 1);
        tokio::task::yield_now().await;
    });
    runtime().block_on(async {
        assert_eq!(cache.get_stale_with(1, async { 2 }).await, 1);
        sleep(5 * MS).await;
        // Stale again, but the value of the second refresh.
        assert_eq!(cache.get_stale_with(1, async { 3 }).await, 2);
    });
}

/// Outside a runtime there is no background.
#[test]
fn cache_time_stale_without_runtime() {
    let cache = LruCache::builder()
        .expire_after(Duration::ZERO)
        .stale_while_revalidate(Duration::from_secs(60))
        .build();
    let get = |n| futures::executor::block_on(cache.get_stale_with(1, async move { n }));
    assert_eq!((get(1), get(2)), (1, 2));
}

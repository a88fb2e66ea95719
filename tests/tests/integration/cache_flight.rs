//! One run for each key.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{LruCache, lru_cache};
use futures::{FutureExt, future::join_all};
use tokio::time::{Instant, sleep, timeout};

const MS: Duration = Duration::from_millis(1);

async fn nobody_hangs<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(10), future)
        .await
        .expect("somebody hangs")
}

/// Part B: concurrent misses run once, and the others count as hits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cache_flight_concurrent_misses_run_once() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn calc(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        sleep(20 * MS).await;
        n + 1
    }
    let calls = (0..100).map(|_| tokio::spawn(calc(1)));
    for value in nobody_hangs(join_all(calls)).await {
        assert_eq!(value.unwrap(), 2);
    }
    assert_eq!(RUNS.load(Relaxed), 1);
    let info = calc::cache_info();
    assert_eq!((info.hits, info.misses), (99, 1));
}

/// Other keys do not wait.
#[tokio::test(start_paused = true)]
async fn cache_flight_keys_are_independent() {
    let cache = LruCache::new(10);
    let start = Instant::now();
    let calls = (0..10).map(|key| cache.get_with(key, async move { sleep(MS * 100).await }));
    join_all(calls).await;
    assert_eq!(start.elapsed(), 100 * MS);
}

/// Part B: those who wait get the error, and it is not kept.
#[tokio::test(start_paused = true)]
async fn cache_flight_error_is_shared_and_not_kept() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn fails(n: u32) -> Result<u32, String> {
        let run = RUNS.fetch_add(1, Relaxed);
        sleep(MS).await;
        if run == 0 {
            Err(format!("run {run}"))
        } else {
            Ok(n)
        }
    }
    let results = join_all((0..5).map(|_| fails(1))).await;
    assert_eq!(results, vec![Err("run 0".to_owned()); 5]);
    assert_eq!(RUNS.load(Relaxed), 1);
    assert_eq!(fails::cache_info().current_size, 0);
    assert_eq!(fails(1).await, Ok(1));
    assert_eq!(fails(1).await, Ok(1));
    assert_eq!(RUNS.load(Relaxed), 2);
}

/// An error that cannot be cloned goes into an `Arc`, by `?`.
#[tokio::test]
async fn cache_flight_error_in_arc() {
    #[lru_cache]
    async fn read(path: &str) -> Result<String, Arc<std::io::Error>> {
        Ok(tokio::fs::read_to_string(path).await?)
    }
    let (one, two) = tokio::join!(read("/no/such/file"), read("/no/such/file"));
    assert!(Arc::ptr_eq(&one.unwrap_err(), &two.unwrap_err()));
}

/// `on_error = retry`: each for itself, one after the other, until one succeeds.
#[tokio::test(start_paused = true)]
async fn cache_flight_error_is_retried() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static ACTIVE: AtomicU32 = AtomicU32::new(0);

    /// Cannot be cloned.
    #[derive(Debug)]
    struct Unlucky(u32);

    type Attempt = Result<&'static str, Unlucky>;

    #[lru_cache(on_error = retry)]
    async fn third_time_lucky(n: u32) -> Attempt {
        let _ = n;
        let run = RUNS.fetch_add(1, Relaxed);
        assert_eq!(ACTIVE.fetch_add(1, Relaxed), 0, "two at a time");
        sleep(MS).await;
        ACTIVE.fetch_sub(1, Relaxed);
        if run < 2 {
            Err(Unlucky(run))
        } else {
            Ok("at last")
        }
    }
    let results = join_all((0..5).map(|_| third_time_lucky(1))).await;
    let errors: Vec<_> = results
        .iter()
        .filter_map(|r| r.as_ref().err())
        .map(|e| e.0)
        .collect();
    assert_eq!(errors.len(), 2, "{results:?}");
    assert_eq!(RUNS.load(Relaxed), 3);
    let info = third_time_lucky::cache_info();
    assert_eq!((info.hits, info.misses), (2, 3));
}

/// The one who runs is dropped: one of those who wait takes over.
#[tokio::test(start_paused = true)]
async fn cache_flight_hand_over_on_cancel() {
    let cache = LruCache::new(1);
    let runs = AtomicU32::new(0);
    let call = || {
        cache.get_with(1, async {
            let run = runs.fetch_add(1, Relaxed);
            sleep(10 * MS).await;
            run
        })
    };
    let cut = timeout(5 * MS, call());
    let (cut, others) =
        nobody_hangs(futures::future::join(cut, join_all((0..4).map(|_| call())))).await;
    assert!(cut.is_err());
    assert_eq!(others, [1; 4]);
    assert_eq!(runs.load(Relaxed), 2);
    let info = cache.info();
    assert_eq!((info.hits, info.misses), (3, 2));
}

/// Each in turn is dropped while it runs.
#[tokio::test(start_paused = true)]
async fn cache_flight_hand_over_again_and_again() {
    let cache = LruCache::new(1);
    let calls = (1..=10).map(|n| {
        timeout(
            n * 5 * MS,
            cache.get_with(1, async move {
                sleep(7 * MS).await;
                n
            }),
        )
    });
    let results = nobody_hangs(join_all(calls)).await;
    // At 5 the first is cut. The second runs from 5 to 10, and is cut, and so on: nobody has the 7.
    assert!(results.iter().all(Result::is_err));
    assert_eq!(cache.info().current_size, 0);
    assert_eq!(cache.get_with(1, async { 0 }).await, 0);
}

/// The one who would take over is dropped in the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cache_flight_hand_over_races() {
    for round in 0..200 {
        let cache = LruCache::new(1);
        let mut tasks: Vec<_> = (0..8_u32)
            .map(|n| {
                let cache = cache.clone();
                tokio::spawn(async move {
                    cache
                        .get_with(round, async move {
                            tokio::task::yield_now().await;
                            if n < 7 {
                                std::future::pending::<()>().await;
                            }
                            n
                        })
                        .await
                })
            })
            .collect();
        let last = tasks.pop().unwrap();
        tokio::task::yield_now().await;
        for task in &tasks {
            task.abort();
        }
        assert_eq!(nobody_hangs(last).await.unwrap(), 7);
        nobody_hangs(join_all(tasks)).await;
        assert_eq!(cache.info().current_size, 1);
    }
}

/// A panic comes out of the call that ran, and of no other.
#[tokio::test(start_paused = true)]
async fn cache_flight_hand_over_on_panic() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn explodes_once(n: u32) -> u32 {
        let run = RUNS.fetch_add(1, Relaxed);
        sleep(MS).await;
        assert_ne!(run, 0, "boom");
        n
    }
    let calls = (0..4).map(|_| tokio::spawn(explodes_once(1)));
    let results = nobody_hangs(join_all(calls)).await;
    let panics = results
        .iter()
        .filter(|r| r.as_ref().is_err_and(|e| e.is_panic()))
        .count();
    assert_eq!(panics, 1);
    assert_eq!(results.iter().filter(|r| matches!(r, Ok(1))).count(), 3);
    assert_eq!(RUNS.load(Relaxed), 2);
}

#[tokio::test]
async fn cache_flight_nobody_waits_for_the_dropped() {
    let cache: LruCache<u32, u32> = LruCache::new(1);
    assert!(
        cache
            .get_with(1, std::future::pending())
            .now_or_never()
            .is_none()
    );
    assert_eq!(cache.info().current_size, 0, "it has left nothing behind");
    assert_eq!(cache.get_with(1, async { 2 }).await, 2);
}

/// Part B, "`lru_cache` after invalidate of a running entry": its end does not touch the newer entry.
#[tokio::test(start_paused = true)]
async fn cache_flight_invalidated_run_does_not_touch_the_newer_entry() {
    for end in ["value", "error", "cancel"] {
        let cache = LruCache::new(10);
        let old = cache.try_get_with(1, async {
            sleep(20 * MS).await;
            match end {
                "value" => Ok("old"),
                "error" => Err("failed"),
                _ => std::future::pending().await,
            }
        });
        let old = timeout(25 * MS, old);
        let newer = async {
            sleep(5 * MS).await;
            assert!(cache.invalidate(&1), "it was running");
            assert!(!cache.invalidate(&1));
            let newer = cache
                .try_get_with(1, async { Ok::<_, &str>("newer") })
                .await;
            assert_eq!(newer, Ok("newer"), "did not wait for the old run");
        };
        let (old, ()) = tokio::join!(old, newer);
        match end {
            "value" => assert_eq!(old.unwrap(), Ok("old"), "its caller has its value"),
            "error" => assert_eq!(old.unwrap(), Err("failed")),
            _ => assert!(old.is_err()),
        }
        let kept = cache.get_with(1, async { "computed anew" }).await;
        assert_eq!(kept, "newer", "after {end}");
    }
}

/// The same with a clear, and those who wait for the old run get what it gives.
#[tokio::test(start_paused = true)]
async fn cache_flight_clear_while_running() {
    let cache = LruCache::new(10);
    let slow = || {
        cache.get_with(1, async {
            sleep(20 * MS).await;
            "old"
        })
    };
    let clear = async {
        sleep(5 * MS).await;
        cache.clear();
        assert_eq!(cache.info().current_size, 0);
        cache.get_with(1, async { "newer" }).await
    };
    assert_eq!(tokio::join!(slow(), slow(), clear), ("old", "old", "newer"));
    assert_eq!(cache.get_with(1, async { "no" }).await, "newer");
}

/// Upstream: a running entry can be evicted; its callers get the value.
#[tokio::test(start_paused = true)]
async fn cache_flight_evicted_while_running() {
    let cache = LruCache::new(1);
    let slow = || {
        cache.get_with(1, async {
            sleep(20 * MS).await;
            "old"
        })
    };
    let other = async {
        sleep(5 * MS).await;
        cache.get_with(2, async { "other" }).await
    };
    assert_eq!(tokio::join!(slow(), slow(), other), ("old", "old", "other"));
    assert_eq!(cache.info().current_size, 1);
    assert_eq!(cache.get_with(2, async { "no" }).await, "other");
    assert_eq!(cache.get_with(1, async { "anew" }).await, "anew");
}

/// A computation is not polled unless it is needed.
#[tokio::test]
async fn cache_flight_hit_polls_nothing() {
    let cache = LruCache::new(1);
    cache.get_with((), async { 1 }).await;
    assert_eq!(cache.get_with((), async { panic!("polled") }).await, 1);
}

/// Two functions with different errors share one cache: an error of another type is nobody's.
#[tokio::test(start_paused = true)]
async fn cache_flight_errors_of_another_type() {
    let cache: LruCache<u32, u32> = LruCache::new(1);
    let (one, two) = tokio::join!(
        cache.try_get_with(1, async {
            sleep(MS).await;
            Err::<u32, _>("text")
        }),
        cache.try_get_with(1, async { Err::<u32, _>(404) }),
    );
    assert_eq!((one, two), (Err("text"), Err(404)));
}

/// A call that panics on its way to a run, here in the hash of an older key, leaves nobody waiting.
#[tokio::test(start_paused = true)]
async fn cache_flight_call_that_panics() {
    static ARMED: AtomicBool = AtomicBool::new(false);

    #[derive(Clone, PartialEq, Eq)]
    struct Key(u32);

    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            assert!(self.0 > 0 || !ARMED.load(Relaxed), "a bad hash");
            self.0.hash(state);
        }
    }

    let cache = LruCache::builder().expire_after(MS).build();
    cache.get_with(Key(0), async {}).await;
    sleep(2 * MS).await;
    ARMED.store(true, Relaxed);
    let call = AssertUnwindSafe(cache.get_with(Key(1), async {}));
    assert!(call.catch_unwind().await.is_err());
    ARMED.store(false, Relaxed);
    nobody_hangs(cache.get_with(Key(1), async {})).await;
}

/// A value may ask its cache in its drop, which happens in the midst of the work of the cache.
#[test]
fn cache_flight_value_that_asks_in_its_drop() {
    struct Asks {
        cache: LruCache<u32, Arc<Asks>>,
        asked: Arc<AtomicU32>,
    }

    impl Drop for Asks {
        fn drop(&mut self) {
            assert!(self.cache.info().current_size <= 5);
            self.asked.fetch_add(1, Relaxed);
        }
    }

    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let cache = LruCache::new(4);
        let asked = Arc::new(AtomicU32::new(0));
        for key in 0..1000 {
            let (cache, asked) = (cache.clone(), asked.clone());
            let again = cache.clone();
            let value = again.get_with(key, async { Arc::new(Asks { cache, asked }) });
            drop(futures::executor::block_on(value));
            if key % 7 == 0 {
                again.invalidate(&key);
            }
            if key % 50 == 0 {
                again.clear();
            }
        }
        done.send(asked.load(Relaxed))
    });
    let asked = ended.recv_timeout(Duration::from_secs(20));
    assert!(asked.expect("a drop waits for itself") > 500);
}

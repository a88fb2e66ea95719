//! Functions with a cache.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{LruCache, lru_cache};

/// FUN-06.
#[tokio::test]
async fn cache_least_recently_used_makes_room() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache(max_size = 2)]
    async fn calc(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        n * n
    }

    for (n, runs) in [(1, 1), (1, 1), (2, 2), (1, 2), (3, 3), (2, 4)] {
        assert_eq!(calc(n).await, n * n);
        assert_eq!(RUNS.load(Relaxed), runs, "after calc({n})");
    }
    let info = calc::cache_info();
    assert_eq!((info.max_size, info.current_size), (Some(2), 2));
    assert_eq!((info.hits, info.misses), (2, 4));

    calc::cache_clear();
    let info = calc::cache_info();
    assert_eq!((info.current_size, info.hits, info.misses), (0, 0, 0));
    assert_eq!((calc(3).await, calc(2).await), (9, 4));
    assert_eq!(RUNS.load(Relaxed), 6);
}

#[tokio::test]
async fn cache_order_of_use_is_exact() {
    let cache = LruCache::new(100);
    for n in 0..100 {
        cache.get_with(n, async { n }).await;
    }
    for n in (0..100).step_by(2) {
        cache.get_with(n, async { unreachable!() }).await;
    }
    for n in 100..150 {
        cache.get_with(n, async { n }).await;
    }
    // The odd ones have made room.
    for n in (0..100).step_by(2).chain(100..150) {
        assert_eq!(cache.get_with(n, async { unreachable!() }).await, n);
    }
    assert_eq!(cache.info().current_size, 100);
}

#[tokio::test]
async fn cache_unlimited() {
    #[lru_cache(max_size = unlimited)]
    async fn same(n: u32) -> u32 {
        n
    }
    for n in 0..2000 {
        same(n).await;
    }
    let info = same::cache_info();
    assert_eq!((info.max_size, info.current_size), (None, 2000));
    for n in 0..2000 {
        same(n).await;
    }
    assert_eq!(same::cache_info().hits, 2000);
    same::cache_clear();
    assert_eq!(same::cache_info().current_size, 0);
}

/// Upstream: keeps nothing, not even a run that others could wait for.
#[tokio::test]
async fn cache_of_size_zero() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache(max_size = 0)]
    async fn calc(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        n
    }
    tokio::join!(calc(1), calc(1));
    calc(1).await;
    assert_eq!(RUNS.load(Relaxed), 3);
    let info = calc::cache_info();
    assert_eq!((info.hits, info.misses, info.current_size), (0, 3, 0));
    assert_eq!(info.max_size, Some(0));
}

#[tokio::test]
async fn cache_default_size() {
    #[lru_cache]
    async fn calc(n: u32) -> u32 {
        n
    }
    assert_eq!(calc::cache_info().max_size, Some(128));
    assert_eq!(calc::cache_info().current_size, 0);
    assert!(!calc::cache_invalidate(&1));
    calc::cache_clear();
    for n in 0..200 {
        calc(n).await;
    }
    assert_eq!(calc::cache_info().current_size, 128);
}

#[tokio::test]
async fn cache_keys_of_all_shapes() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    enum Lang {
        En,
    }

    #[lru_cache]
    async fn none() -> u32 {
        7
    }
    #[lru_cache]
    async fn borrowed(text: &str, list: &[u8], lang: &Lang) -> usize {
        let _ = lang;
        text.len() + list.len()
    }
    #[lru_cache]
    async fn patterns((a, mut b): (u32, u32), _: u8) -> u32 {
        b += a;
        b
    }
    #[lru_cache]
    async fn named<'a>(text: &'a str) -> String
    where
        'a: 'a,
    {
        text.to_owned()
    }

    assert_eq!((none().await, none().await), (7, 7));
    assert!(none::cache_invalidate());
    assert_eq!(none::cache_info().hits, 1);

    let text = String::from("abc");
    assert_eq!(borrowed(&text, &[1], &Lang::En).await, 4);
    assert_eq!(borrowed("abc", &[1], &Lang::En).await, 4);
    assert_eq!(borrowed("abd", &[1], &Lang::En).await, 4);
    assert_eq!(borrowed::cache_info().misses, 2);
    assert!(borrowed::cache_invalidate("abc", &[1], &Lang::En));
    assert!(!borrowed::cache_invalidate("abc", &[1], &Lang::En));

    assert_eq!(patterns((1, 2), 0).await, 3);
    assert_eq!(patterns((1, 2), 1).await, 3);
    assert_eq!(patterns::cache_info().misses, 2);

    assert_eq!(named("a").await, "a");
}

#[tokio::test]
async fn cache_key_by_closure() {
    /// Neither comparable nor of any matter.
    struct Db(f64);

    #[lru_cache(key = |id, name| -> (u32, String) { (*id % 10, name.to_lowercase()) })]
    async fn lookup(db: &Db, id: u32, name: &str) -> f64 {
        let _ = name;
        db.0 + f64::from(id)
    }

    assert_eq!(lookup(&Db(0.5), 1, "A").await, 1.5);
    assert_eq!(lookup(&Db(0.0), 11, "a").await, 1.5);
    assert_eq!(lookup(&Db(0.0), 12, "a").await, 12.0);
    assert!(lookup::cache_invalidate(&21, "a"));
    assert_eq!(lookup::cache_info().current_size, 1);
}

#[tokio::test]
async fn cache_of_each_instance() {
    struct Client {
        id: u32,
        pages: LruCache<(u32, String), String>,
    }

    impl Client {
        fn new(id: u32) -> Self {
            let pages = LruCache::new(10);
            Self { id, pages }
        }

        #[lru_cache(cache = self.pages)]
        async fn page(&self, n: u32, lang: &str) -> String {
            format!("{} {n} {lang}", self.id)
        }

        #[lru_cache(cache = self.pages, key = |n| (*n, String::new()))]
        async fn owned(self: Arc<Self>, n: u32) -> String {
            format!("{} {n}", self.id)
        }
    }

    let (one, two) = (Client::new(1), Arc::new(Client::new(2)));
    assert_eq!(one.page(7, "en").await, "1 7 en");
    assert_eq!(two.page(7, "en").await, "2 7 en");
    assert_eq!(one.page(7, "en").await, "1 7 en");
    assert_eq!((one.pages.info().hits, two.pages.info().hits), (1, 0));
    assert_eq!(two.clone().owned(1).await, "2 1");
    assert_eq!(two.clone().owned(1).await, "2 1");
    assert!(two.pages.invalidate(&(1, String::new())));
}

#[tokio::test]
async fn cache_of_generic_method() {
    struct Doubler<T: aiotools::cache::CacheKey>(LruCache<T, (T, T)>);

    impl<T: aiotools::cache::CacheKey> Doubler<T> {
        #[lru_cache(cache = self.0)]
        async fn double(&self, value: T) -> (T, T) {
            (value.clone(), value)
        }
    }

    let doubler = Doubler(LruCache::new(1));
    assert_eq!(doubler.double("a").await, ("a", "a"));
    assert_eq!(doubler.double("a").await, ("a", "a"));
    assert_eq!(doubler.0.info().hits, 1);
}

/// Computes each key once, and does not wait for itself.
#[tokio::test]
async fn cache_of_recursive_function() {
    #[lru_cache(max_size = unlimited)]
    async fn fib(n: u64) -> u64 {
        match n {
            0 | 1 => n,
            _ => Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await,
        }
    }
    assert_eq!(fib(80).await, 23_416_728_348_467_685);
    assert_eq!(fib::cache_info().misses, 81);
}

/// Waiting for itself, it would wait for ever.
#[tokio::test]
async fn cache_call_of_itself_with_the_same_key() {
    static DEPTH: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn strange(n: u32) -> u32 {
        if DEPTH.fetch_add(1, Relaxed) == 3 {
            return n;
        }
        tokio::task::yield_now().await;
        Box::pin(strange(n)).await + 1
    }
    assert_eq!(strange(1).await, 4);
    assert_eq!(strange(1).await, 4);
    assert_eq!(DEPTH.load(Relaxed), 4);
}

/// As above, by way of a child task.
#[tokio::test]
async fn cache_call_of_itself_in_a_child() {
    static DEPTH: AtomicU32 = AtomicU32::new(0);

    fn strange_later(n: u32) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(strange(n))
    }

    #[lru_cache]
    async fn strange(n: u32) -> u32 {
        if DEPTH.fetch_add(1, Relaxed) == 1 {
            return n;
        }
        let inner = aiotools::TaskGroup::scope(async |tg| {
            Ok(tg.spawn_infallible(strange_later(n)).await?)
        });
        inner.await.unwrap() + 1
    }
    assert_eq!(strange(1).await, 2);
}

/// Two tasks, each of which runs what the other waits for.
#[tokio::test]
async fn cache_circle_of_two_tasks() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn even(n: u32) -> u32 {
        tokio::task::yield_now().await;
        // Only the first two go on to the other.
        if CALLS.fetch_add(1, Relaxed) < 2 {
            Box::pin(odd(n)).await + 1
        } else {
            0
        }
    }
    #[lru_cache]
    async fn odd(n: u32) -> u32 {
        tokio::task::yield_now().await;
        if CALLS.fetch_add(1, Relaxed) < 2 {
            Box::pin(even(n)).await + 1
        } else {
            0
        }
    }
    let both = async { tokio::join!(even(1), odd(1)) };
    let (even, odd) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    assert_eq!(even.abs_diff(odd), 1, "one was computed from the other");
}

#[tokio::test]
async fn cache_close_ends_it() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn calc(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        n
    }
    calc(1).await;
    calc::cache_close().await;
    assert_eq!(calc::cache_info().current_size, 0);
    assert_eq!((calc(1).await, calc(1).await), (1, 1));
    assert_eq!(RUNS.load(Relaxed), 3);
    assert_eq!(calc::cache_info().current_size, 0);

    #[lru_cache]
    async fn unused(n: u32) -> u32 {
        n
    }
    unused::cache_close().await;
    unused(1).await;
    assert_eq!(unused::cache_info().current_size, 0);

    let cache = LruCache::new(1);
    cache.get_with(1, async { 1 }).await;
    assert!(!cache.is_closed());
    cache.close().await;
    cache.close().await;
    assert!(cache.is_closed());
}

/// A cache in a `static` does not belong to the runtime that used it first.
#[test]
fn cache_across_runtimes() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[lru_cache]
    async fn calc(n: u32) -> u32 {
        RUNS.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        n
    }
    for _ in 0..2 {
        let current = tokio::runtime::Builder::new_current_thread().build();
        current.unwrap().block_on(calc(1));
        let multi = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        multi.block_on(async { tokio::spawn(calc(1)).await.unwrap() });
    }
    futures::executor::block_on(calc(1));
    assert_eq!(RUNS.load(Relaxed), 1);
}

/// Two runtimes at once: one that waits for the other.
#[test]
fn cache_leader_on_another_runtime() {
    let cache = LruCache::new(1);
    let (started, wait) = std::sync::mpsc::channel();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            runtime().block_on(cache.get_with(1, async move {
                started.send(()).unwrap();
                tokio::time::sleep(Duration::from_millis(30)).await;
                "theirs"
            }))
        });
        wait.recv().unwrap();
        let value = runtime().block_on(cache.get_with(1, async { "ours" }));
        assert_eq!(value, "theirs");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cache_stress() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let cache = LruCache::new(8);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64_u32 {
        let cache = cache.clone();
        tasks.spawn(async move {
            for step in 0..200_u32 {
                let key = (task * 7 + step * 3) % 16;
                let run = async move {
                    RUNS.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                    match (task + step) % 13 {
                        0 => Err(key),
                        _ => Ok(key),
                    }
                };
                let call = cache.try_get_with(key, run);
                if step % 11 == 0 {
                    // Polled once, and dropped.
                    let _ = futures::FutureExt::now_or_never(call);
                    continue;
                }
                match call.await {
                    Ok(got) | Err(got) => assert_eq!(got, key),
                }
                if step % 17 == 0 {
                    cache.invalidate(&key);
                }
            }
        });
    }
    let all = async { while tasks.join_next().await.transpose().unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("somebody hangs");
    let info = cache.info();
    assert!(info.current_size <= 8, "{info}");
    assert_eq!(info.misses, u64::from(RUNS.load(Relaxed)));
    assert_eq!(info.hits + info.misses, 64 * 200);
}

#[test]
fn cache_info_reads_well() {
    let cache: LruCache<u32, u32> = LruCache::new(2);
    assert_eq!(
        cache.info().to_string(),
        "0 hits, 0 misses, 0 refreshes, 0 entries of 2"
    );
    let cache: LruCache<u32, u32> = LruCache::builder().unlimited().build();
    assert_eq!(
        cache.info().to_string(),
        "0 hits, 0 misses, 0 refreshes, 0 entries of any number"
    );
}

#[tokio::test]
async fn cache_holds_what_compares_equal_once() {
    let cache = LruCache::new(10);
    let words = ["a", "b", "a", "c", "b"];
    let mut computed = HashSet::new();
    for word in words {
        cache
            .get_with(word, async { assert!(computed.insert(word)) })
            .await;
    }
    assert_eq!(computed.len(), 3);
}

//! What does a tick cost, and what do 100,000 timers, against their peers, in the same run?
//!
//! `cargo bench -p aiotools-benches --bench timers`. The clock is paused: what is measured is software, not waiting.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use aiotools::{TimerBuilder, TimerDelayPolicy as Policy, TimerStart, create_timer};
use aiotools_benches::Race;
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::time::DelayQueue;

/// Counts what is allocated.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator that counts and passes on")]
// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        CALLS.fetch_add(1, Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MS: Duration = Duration::from_millis(1);
/// So short that a tick is always due.
const NS: Duration = Duration::from_nanos(1);

fn runtime(paused: bool) -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .unwrap()
}

/// Lets `tick` run until it has been called `n` times.
async fn until(count: &AtomicU64, n: u64) {
    while count.load(Relaxed) < n {
        tokio::task::yield_now().await;
    }
}

async fn bare(period: Duration, n: u32) {
    let looping = async move {
        let count = AtomicU64::new(0);
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..n {
            ticks.tick().await;
            count.fetch_add(1, Relaxed);
        }
    };
    tokio::spawn(looping).await.unwrap();
}

async fn spawning(period: Duration, n: u32) {
    let count = Arc::new(AtomicU64::new(0));
    let mut ticks = interval(period);
    for _ in 0..n {
        ticks.tick().await;
        let count = count.clone();
        tokio::spawn(async move {
            count.fetch_add(1, Relaxed);
        });
    }
    until(&count, u64::from(n)).await;
}

async fn joining(period: Duration, n: u32) {
    let count = Arc::new(AtomicU64::new(0));
    let mut ticks = interval(period);
    let mut set = JoinSet::new();
    for _ in 0..n {
        ticks.tick().await;
        let count = count.clone();
        set.spawn(async move {
            count.fetch_add(1, Relaxed);
        });
        while set.try_join_next().is_some() {}
    }
    while set.join_next().await.is_some() {}
}

async fn timer(policy: Policy, period: Duration, n: u32) {
    let count = Arc::new(AtomicU64::new(0));
    let (seen, done) = (count.clone(), Arc::new(tokio::sync::Notify::new()));
    let tell = done.clone();
    let timer = create_timer(
        move |_| {
            let count = seen.clone();
            let tell = tell.clone();
            async move {
                if count.fetch_add(1, Relaxed) + 1 == u64::from(n) {
                    tell.notify_one();
                }
            }
        },
        period,
        policy,
    );
    done.notified().await;
    timer.cancel().await;
}

const MANY: u64 = 100_000;
const PERIOD: u64 = 1000;

/// What `start` allocates for each of many timers, and what each tick of them costs, with a clock that moves on.
fn many<T>(name: &str, start: impl Fn(u64, Arc<AtomicU64>) -> T) -> (f64, f64) {
    let runtime = runtime(true);
    let count = Arc::new(AtomicU64::new(0));
    let result = runtime.block_on(async {
        let before = BYTES.load(Relaxed);
        let all: Vec<T> = (0..MANY).map(|n| start(n, count.clone())).collect();
        // All have begun, and have ticked once.
        sleep(MS * PERIOD as u32 * 2).await;
        let bytes = (BYTES.load(Relaxed) - before) as f64 / MANY as f64;
        let mut best = f64::MAX;
        for _ in 0..5 {
            let (ticks, began) = (count.load(Relaxed), Instant::now());
            sleep(MS * PERIOD as u32).await;
            let ticks = count.load(Relaxed) - ticks;
            best = best.min(began.elapsed().as_nanos() as f64 / ticks as f64);
        }
        drop(all);
        (best, bytes)
    });
    println!("{name:<44} {:>10.1} {:>10.0}", result.0, result.1);
    result
}

fn hundred_thousand() {
    println!(
        "\n100,000 timers of 1 s{:<23} {:>10} {:>10}",
        "", "ns/tick", "bytes each"
    );
    let offset = |n: u64| MS * (n * 7919 % PERIOD) as u32;
    let (cpu, memory) = many("a task with an interval each", |n, count| {
        tokio::spawn(async move {
            sleep(offset(n)).await;
            let mut ticks = interval(MS * PERIOD as u32);
            loop {
                ticks.tick().await;
                count.fetch_add(1, Relaxed);
            }
        })
    });
    let (spawning, _) = many("a task with an interval each, and spawn", |n, count| {
        tokio::spawn(async move {
            sleep(offset(n)).await;
            let mut ticks = interval(MS * PERIOD as u32);
            loop {
                ticks.tick().await;
                let count = count.clone();
                tokio::spawn(async move {
                    count.fetch_add(1, Relaxed);
                });
            }
        })
    });
    let queue = Arc::new(std::sync::Mutex::new(Some(DelayQueue::new())));
    many("one DelayQueue", |n, count| {
        let mut slot = queue.lock().unwrap();
        let Some(delays) = slot.as_mut() else { return };
        delays.insert((), offset(n) + MS);
        if n + 1 == MANY
            && let Some(mut delays) = slot.take()
        {
            tokio::spawn(async move {
                while delays.next().await.is_some() {
                    count.fetch_add(1, Relaxed);
                    delays.insert((), MS * PERIOD as u32);
                }
            });
        }
    });
    let spread = |policy| {
        move |n: u64, count: Arc<AtomicU64>| {
            TimerBuilder::new(MS * (PERIOD + n * 7919 % 7) as u32)
                .policy(policy)
                .first(TimerStart::AfterInterval)
                .start(move |_| {
                    let count = count.clone();
                    async move {
                        count.fetch_add(1, Relaxed);
                    }
                })
        }
    };
    let (inline, ours) = many("aiotools, Skip", spread(Policy::Skip));
    let (spawned, _) = many("aiotools, Accumulate", spread(Policy::Accumulate));
    println!(
        "inline: {:.2} of the CPU, {:.2} of the memory of a task each",
        inline / cpu,
        ours / memory
    );
    println!(
        "with a task per tick: {:.2} of the CPU of interval and spawn",
        spawned / spawning
    );
}

fn allocations() {
    let runtime = runtime(true);
    let calls = runtime.block_on(async {
        let timer = create_timer(|_| async {}, MS, Policy::Skip);
        sleep(MS * 100).await;
        let before = CALLS.load(Relaxed);
        sleep(MS * 10_000).await;
        let calls = CALLS.load(Relaxed) - before;
        assert!(timer.ticks() > 10_000);
        calls
    });
    println!("\n{calls} allocations in 10,000 inline ticks");
}

fn main() {
    for (question, period, paused) in [
        ("10,000 ticks that are always due", NS, false),
        ("a tick every ms, on a paused clock", MS, true),
    ] {
        let runtime = runtime(paused);
        // Always due: long enough that waiting for the first does not count. The nanoseconds are then those of 10,000 ticks.
        let times = if paused { 1 } else { 10_000 };
        let mut race = Race::new(question)
            .contender("interval", |n| runtime.block_on(bare(period, n * times)))
            .contender("aiotools, Queue", |n| {
                runtime.block_on(timer(Policy::Queue, period, n * times));
            });
        if paused {
            // Left out on purpose, a tick is not always due.
            race = race
                .contender("aiotools, Skip", |n| {
                    runtime.block_on(timer(Policy::Skip, period, n));
                })
                .contender("interval + spawn", |n| {
                    runtime.block_on(spawning(period, n));
                })
                .contender("aiotools, Accumulate", |n| {
                    runtime.block_on(timer(Policy::Accumulate, period, n));
                })
                .contender("interval + JoinSet", |n| {
                    runtime.block_on(joining(period, n));
                });
        }
        race.run();
    }
    hundred_thousand();
    allocations();
}

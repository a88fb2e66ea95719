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
use aiotools_benches::{Race, setting};
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

/// Takes care that many timers go on.
type Many = Vec<Box<dyn std::any::Any>>;

fn offset(n: u64) -> Duration {
    MS * (n * 7919 % PERIOD) as u32
}

/// Starts 100,000 timers of a second.
fn start(shape: &str, count: &Arc<AtomicU64>) -> Many {
    let all = 0..MANY;
    match shape {
        "interval" => all.map(|n| Box::new(task(n, count.clone())) as _).collect(),
        "interval + spawn" => all
            .map(|n| Box::new(spawning_task(n, count.clone())) as _)
            .collect(),
        "DelayQueue" => {
            let mut delays = DelayQueue::new();
            for n in all {
                delays.insert((), offset(n) + MS);
            }
            let count = count.clone();
            let task = tokio::spawn(async move {
                while delays.next().await.is_some() {
                    count.fetch_add(1, Relaxed);
                    delays.insert((), MS * PERIOD as u32);
                }
            });
            vec![Box::new(task)]
        }
        "aiotools, Skip" => all
            .map(|n| Box::new(timer_of(n, Policy::Skip, count.clone())) as _)
            .collect(),
        "aiotools, Accumulate" => all
            .map(|n| Box::new(timer_of(n, Policy::Accumulate, count.clone())) as _)
            .collect(),
        _ => panic!("no such shape: {shape}"),
    }
}

const SHAPES: [&str; 5] = [
    "interval",
    "interval + spawn",
    "DelayQueue",
    "aiotools, Skip",
    "aiotools, Accumulate",
];

fn task(n: u64, count: Arc<AtomicU64>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        sleep(offset(n)).await;
        let mut ticks = interval(MS * PERIOD as u32);
        loop {
            ticks.tick().await;
            count.fetch_add(1, Relaxed);
        }
    })
}

fn spawning_task(n: u64, count: Arc<AtomicU64>) -> tokio::task::JoinHandle<()> {
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
}

fn timer_of(n: u64, policy: Policy, count: Arc<AtomicU64>) -> aiotools::Timer {
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

/// 100,000 timers, on a clock that is paused.
struct Crowd {
    runtime: Runtime,
    count: Arc<AtomicU64>,
    bytes: f64,
    best: f64,
    _timers: Many,
}

impl Crowd {
    fn new(shape: &str) -> Self {
        let runtime = runtime(true);
        let count = Arc::new(AtomicU64::new(0));
        let before = BYTES.load(Relaxed);
        let timers = runtime.block_on(async {
            let timers = start(shape, &count);
            // All have begun, and have ticked once.
            sleep(MS * PERIOD as u32 * 2).await;
            timers
        });
        // Without what the bench itself holds them by.
        let own = timers.capacity() * size_of::<Box<dyn std::any::Any>>();
        let handles = timers
            .iter()
            .map(|timer| size_of_val(&**timer))
            .sum::<usize>();
        let bytes = (BYTES.load(Relaxed) - before - own - handles) as f64 / MANY as f64;
        Self {
            runtime,
            count,
            bytes,
            best: f64::MAX,
            _timers: timers,
        }
    }

    /// A few ticks of all of them.
    fn sample(&mut self, ms: u32) {
        let (ticks, began) = (self.count.load(Relaxed), Instant::now());
        self.runtime.block_on(async { sleep(MS * ms).await });
        let ticks = self.count.load(Relaxed) - ticks;
        if ticks > 0 {
            self.best = self
                .best
                .min(began.elapsed().as_nanos() as f64 / ticks as f64);
        }
    }
}

fn hundred_thousand() {
    println!(
        "\n100,000 timers of 1 s{:<23} {:>10} {:>10}",
        "", "ns/tick", "bytes each"
    );
    let mut crowds = SHAPES.map(|shape| (shape, Crowd::new(shape)));
    // In turns, and the best of many: others on the machine only ever add.
    for _ in 0..setting("ROUNDS", 20) {
        for (_, crowd) in &mut crowds {
            crowd.sample(PERIOD as u32);
        }
    }
    for (shape, crowd) in &crowds {
        println!("{shape:<44} {:>10.1} {:>10.0}", crowd.best, crowd.bytes);
    }
    let [interval, spawning, _, inline, spawned] = crowds.map(|(_, crowd)| crowd);
    println!(
        "inline: {:.2} of the CPU, {:.2} of the memory of a task each",
        inline.best / interval.best,
        inline.bytes / interval.bytes
    );
    println!(
        "with a task per tick: {:.2} of the CPU of interval and spawn",
        spawned.best / spawning.best
    );
}

/// For `valgrind`: `--profile <shape> <rounds>`.
fn profile(mut args: impl Iterator<Item = String>) {
    let shape = args.next().expect("a shape");
    let rounds = args.next().and_then(|n| n.parse().ok()).expect("rounds");
    let mut crowd = Crowd::new(&shape);
    for _ in 0..rounds {
        crowd.sample(PERIOD as u32);
    }
    println!("{} ticks", crowd.count.load(Relaxed));
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
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--profile") {
        return profile(args);
    }
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

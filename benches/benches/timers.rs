//! What does a tick cost, and what do 100,000 timers, against their peers, in the same run?
//!
//! `cargo bench -p aiotools-benches --bench timers`. The clock is paused: what is measured is software, not waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{TimerDelayPolicy as Policy, create_timer};
use aiotools_benches::{
    Curve, Race, Table, setting,
    timers::{Crowd, SHAPES},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Each tick is asked for, so that it is due at once.
async fn triggered(policy: Policy, n: u32) {
    let (seen, done) = (AtomicU64::new(0), Arc::new(tokio::sync::Notify::new()));
    let (seen, tell) = (Arc::new(seen), done.clone());
    let timer = create_timer(
        move |_| {
            let (seen, tell) = (seen.clone(), tell.clone());
            async move {
                if seen.fetch_add(1, Relaxed) + 1 == u64::from(n) {
                    tell.notify_one();
                }
            }
        },
        Duration::from_secs(3600),
        policy,
    );
    // The first one comes by itself.
    for _ in 1..n {
        timer.trigger_now();
    }
    done.notified().await;
    timer.cancel().await;
}

fn many(timers: u32, per_ms: u32) {
    let title = format!("{timers} timers, {per_ms} ticks in each ms of a paused clock");
    let mut crowds = SHAPES.map(|shape| (shape, Crowd::new(shape, timers, per_ms)));
    for _ in 0..setting("ROUNDS", 150) {
        for (_, crowd) in &mut crowds {
            // In 64 ms, each part of a wheel comes round that has anything to do at such periods.
            crowd.sample(64);
        }
    }
    let mut table = Table::new(title, "ns");
    for (shape, crowd) in &crowds {
        let [low, median, high] = crowd.percentiles();
        table = table.sampled(*shape, low, median, high);
    }
    table
        .goal("aiotools, Skip", "interval", 0.15)
        .goal("aiotools, Accumulate", "interval + spawn", 0.55)
        .show();
}

/// Whether a tick costs the same among few timers and among many. In each ms there are ten, so that what it costs to wake up is shared by as
/// many everywhere.
fn curve() {
    let mut curve = Curve::new("a tick, by how many timers there are", "ns").flat_within(1.5);
    for shape in ["aiotools, Skip", "interval"] {
        for timers in [10, 1_000, 100_000, 1_000_000] {
            let mut crowd = Crowd::new(shape, timers, 10);
            for _ in 0..setting("ROUNDS", 150).div_ceil(10) {
                // As long as the longest span of a wheel's slot below the period.
                crowd.sample(4096);
            }
            curve.point(shape, f64::from(timers), crowd.percentiles()[0]);
        }
    }
    curve.show();
}

/// For `valgrind`: `--profile <shape> <rounds>`.
fn profile(mut args: impl Iterator<Item = String>) {
    let shape = args.next().expect("a shape");
    let rounds = args.next().and_then(|n| n.parse().ok()).expect("rounds");
    let mut crowd = Crowd::new(&shape, 100_000, 100);
    for _ in 0..rounds {
        crowd.sample(1000);
    }
    println!("{} ticks", crowd.ticks());
}

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--profile") {
        return profile(args);
    }
    let real = runtime(false);
    // Long enough that waiting for the first does not count. The nanoseconds are those of 10,000 ticks.
    Race::new("10,000 ticks that are always due")
        .contender("interval", |n| real.block_on(bare(NS, n * 10_000)))
        .contender("aiotools, Queue", |n| {
            real.block_on(timer(Policy::Queue, NS, n * 10_000));
        })
        .contender("interval + spawn", |n| {
            real.block_on(spawning(NS, n * 10_000));
        })
        .contender("interval + JoinSet", |n| {
            real.block_on(joining(NS, n * 10_000));
        })
        .contender("aiotools, Accumulate, triggered", |n| {
            real.block_on(triggered(Policy::Accumulate, n * 10_000));
        })
        .goal("aiotools, Queue", "interval", 1.1)
        .goal("aiotools, Accumulate, triggered", "interval + JoinSet", 0.7)
        .run();
    let paused = runtime(true);
    Race::new("a tick every ms, on a paused clock")
        .contender("interval", |n| paused.block_on(bare(MS, n)))
        .contender("aiotools, Queue", |n| {
            paused.block_on(timer(Policy::Queue, MS, n));
        })
        .contender("aiotools, Skip", |n| {
            paused.block_on(timer(Policy::Skip, MS, n));
        })
        .contender("interval + spawn", |n| paused.block_on(spawning(MS, n)))
        .contender("aiotools, Accumulate", |n| {
            paused.block_on(timer(Policy::Accumulate, MS, n));
        })
        .contender("interval + JoinSet", |n| paused.block_on(joining(MS, n)))
        .goal("aiotools, Skip", "interval", 1.1)
        .goal("aiotools, Accumulate", "interval + spawn", 1.1)
        .run();
    many(100_000, 100);
    curve();
}

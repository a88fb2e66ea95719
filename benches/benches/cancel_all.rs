//! How long does it take from the order to cancel until the last task has been dropped?
//!
//! `cargo bench -p aiotools-benches --bench cancel_all`; nanoseconds for one task; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use std::time::{Duration, Instant};

use aiotools_benches::{Race, runtimes, tasks, within};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Adds contenders, each a function of how many tasks there are, and of what to do when they have been started.
macro_rules! contenders {
    ($race:expr, $runtime:expr, $n:expr, $($name:literal => $shape:path,)*) => {
        $race$(.stopwatch($name, |times| {
            let n = $n;
            within($runtime, async move {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let mut start = Instant::now();
                    $shape(n, async || {
                        // Long enough for all of them to be polled and to wait, on whatever worker.
                        for _ in 0..10 {
                            tokio::time::sleep(Duration::from_micros(n as u64 / 20)).await;
                        }
                        start = Instant::now();
                    })
                    .await;
                    took += start.elapsed();
                }
                took
            })
        }))*
    };
}

fn main() {
    for (flavour, runtime) in &runtimes() {
        for n in [1_000, 20_000, 100_000] {
            let race = Race::new(format!("cancel {n} parked tasks, {flavour}"))
                .pieces(n)
                .fewer_rounds((n / 2_000).max(1));
            contenders!(
                race, runtime, n,
                "JoinSet::shutdown" => tasks::shut_down_join_set,
                "TaskTracker + one shared token" => tasks::cancel_shared_token,
                "TaskTracker + child token each" => tasks::cancel_child_tokens,
                "TaskGroup::cancel" => tasks::cancel_group,
            )
            .goal("TaskGroup::cancel", "JoinSet::shutdown", 0.65)
            .goal("TaskGroup::cancel", "TaskTracker + one shared token", 0.8)
            .run();
        }
    }
}

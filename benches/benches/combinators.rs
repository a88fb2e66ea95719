//! What does it cost to run many futures in parallel and have all results, or the first?
//!
//! `cargo bench -p aiotools-benches --bench combinators`; nanoseconds for one future; allocator: mimalloc.
//!
//! Those of `futures` and `futures-concurrency` that take plain futures run them in the task that calls, one at a time; they
//! stand here for orientation.
#![allow(missing_docs, reason = "a bench")]

use std::hint::black_box;

use aiotools_benches::{Race, runtimes, tasks::Child, within};
use futures::{StreamExt, future, stream::FuturesUnordered};
use futures_concurrency::future::{Join as _, Race as _};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KIND: Child = Child::Yield;

async fn join_all(n: usize) {
    black_box(future::join_all((0..n).map(|_| tokio::spawn(KIND.run()))).await);
}

async fn join_handles(n: usize) {
    let handles: Vec<_> = (0..n).map(|_| tokio::spawn(KIND.run())).collect();
    let mut results = Vec::with_capacity(n);
    for handle in handles {
        results.push(handle.await);
    }
    black_box(results);
}

async fn join_set_in_order(n: usize) {
    let mut set = JoinSet::new();
    for index in 0..n {
        set.spawn(async move {
            KIND.run().await;
            index
        });
    }
    let mut results: Vec<_> = (0..n).map(|_| None).collect();
    while let Some(done) = set.join_next().await {
        let index = done.expect("no task panics");
        results[index] = Some(());
    }
    black_box(results);
}

async fn join_in_one_task(n: usize) {
    black_box((0..n).map(|_| KIND.run()).collect::<Vec<_>>().join().await);
}

async fn gather(n: usize) {
    black_box(aiotools::gather((0..n).map(|_| KIND.run())).await);
}

async fn unordered(n: usize) {
    let mut set: FuturesUnordered<_> = (0..n).map(|_| tokio::spawn(KIND.run())).collect();
    while let Some(done) = set.next().await {
        done.expect("no task panics");
    }
}

async fn join_set(n: usize) {
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn(KIND.run());
    }
    while let Some(done) = set.join_next().await {
        done.expect("no task panics");
    }
}

async fn as_completed(n: usize) {
    let mut done = aiotools::as_completed((0..n).map(|_| KIND.run()));
    while let Some((_, result)) = done.next().await {
        result.expect("no task fails");
    }
    done.aclose().await;
}

/// The entrant that wins after one yield; the others would wait for ever.
async fn entrant(index: usize) {
    if index > 0 {
        std::future::pending::<()>().await;
    }
    KIND.run().await;
}

/// The first of a `JoinSet`; then the others are aborted, and waited for, as `race` does.
async fn join_set_first(n: usize) {
    let mut set = JoinSet::new();
    for index in 0..n {
        set.spawn(entrant(index));
    }
    black_box(set.join_next().await);
    set.shutdown().await;
}

async fn race_in_one_task(n: usize) {
    (0..n).map(entrant).collect::<Vec<_>>().race().await;
}

async fn race(n: usize) {
    let won = aiotools::race((0..n).map(entrant)).await;
    won.expect("the first wins");
}

/// Adds contenders, each a function of how many futures there are.
macro_rules! contenders {
    ($race:expr, $runtime:expr, $n:expr, $($name:literal => $shape:path,)*) => {
        $race$(.contender($name, |times| {
            let n = $n;
            within($runtime, async move {
                for _ in 0..times {
                    $shape(n).await;
                }
            });
        }))*
    };
}

fn main() {
    for (flavour, runtime) in &runtimes() {
        for n in [16, 1_000, 10_000] {
            let race = Race::new(format!("all results of {n}, in their order, {flavour}"))
                .pieces(n)
                .fewer_rounds((n / 1_000).max(1));
            contenders!(
                race, runtime, n,
                "join_all over spawned tasks" => join_all,
                "spawn, Vec<JoinHandle>" => join_handles,
                "JoinSet, put in order" => join_set_in_order,
                "gather" => gather,
                "futures-concurrency join, one task" => join_in_one_task,
            )
            .goal("gather", "join_all over spawned tasks", 1.0)
            .run();
        }
        let n = 1_000;
        let all = Race::new(format!("results of {n} as they come, {flavour}")).pieces(n);
        contenders!(
            all, runtime, n,
            "FuturesUnordered of spawned tasks" => unordered,
            "JoinSet" => join_set,
            "as_completed" => as_completed,
        )
        .run();
        let n = 100;
        let first = Race::new(format!("the first of {n}, and all have ended, {flavour}")).pieces(n);
        contenders!(
            first, runtime, n,
            "JoinSet, then shutdown" => join_set_first,
            "race" => race,
            "futures-concurrency race, one task" => race_in_one_task,
        )
        .run();
    }
}

//! What does it cost to run many futures in parallel and have all results, or the first?
//!
//! `cargo bench -p aiotools-benches --bench combinators`; nanoseconds for one future; allocator: mimalloc.
//!
//! Those of `futures` and `futures-concurrency` that take plain futures run them in the task that calls, one at a time; they
//! stand here for orientation.
#![allow(missing_docs, reason = "a bench")]

use std::hint::black_box;

use aiotools_benches::{
    Race, runtimes,
    tasks::{self, Child},
};
use futures::{StreamExt, stream::FuturesUnordered};
use futures_concurrency::future::{Join as _, Race as _};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KIND: Child = Child::Yield;

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

async fn unordered(n: usize) {
    let mut set: FuturesUnordered<_> = (0..n).map(|_| tokio::spawn(KIND.run())).collect();
    while let Some(done) = set.next().await {
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

const JOIN_ALL: &str = "join_all over spawned tasks";

fn main() {
    for (flavour, runtime) in &runtimes() {
        for n in [16, 1_000, 10_000] {
            let all = Race::new(format!("all results of {n}, in their order, {flavour}"))
                .pieces(n)
                .fewer_rounds((n / 1_000).max(1))
                .task(JOIN_ALL, runtime, move || tasks::join_all(n, KIND))
                .task("spawn, Vec<JoinHandle>", runtime, move || join_handles(n))
                .task("JoinSet, put in order", runtime, move || {
                    join_set_in_order(n)
                })
                .task("gather", runtime, move || tasks::gather(n, KIND))
                .task("futures-concurrency join, one task", runtime, move || {
                    join_in_one_task(n)
                });
            // The goal is for many.
            let all = match n {
                10_000 => all.goal("gather", JOIN_ALL, 1.0),
                _ => all,
            };
            all.run();
        }
        let n = 1_000;
        Race::new(format!("results of {n} as they come, {flavour}"))
            .pieces(n)
            .task("FuturesUnordered of spawned tasks", runtime, move || {
                unordered(n)
            })
            .task("JoinSet", runtime, move || tasks::join_set(n, KIND))
            .task("as_completed", runtime, move || as_completed(n))
            .run();
        let n = 100;
        Race::new(format!("the first of {n}, and all have ended, {flavour}"))
            .pieces(n)
            .task("JoinSet, then shutdown", runtime, move || join_set_first(n))
            .task("race", runtime, move || race(n))
            .task("futures-concurrency race, one task", runtime, move || {
                race_in_one_task(n)
            })
            .run();
    }
}

//! What does a task hold while it waits?
//!
//! `cargo bench -p aiotools-benches --bench memory`; bytes and allocations as asked of the allocator, whatever that makes of them.
#![allow(missing_docs, reason = "a bench")]

use std::hint::black_box;

use aiotools::TaskGroup;
use aiotools_benches::{
    Table,
    alloc::{self, Counting},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TASKS: usize = 1_000;

/// A future of about this size, which never ends.
async fn parked<const SIZE: usize>() {
    let held = [1_u8; SIZE];
    std::future::pending::<()>().await;
    black_box(held);
}

/// Bytes and allocations for one of the second thousand of tasks: the first makes the queues as long as they need to be.
async fn measure(mut start: impl FnMut()) -> [f64; 2] {
    for _ in 0..TASKS {
        start();
    }
    yield_now().await;
    let before = [alloc::bytes(), alloc::calls()];
    for _ in 0..TASKS {
        start();
    }
    yield_now().await;
    [alloc::bytes() - before[0], alloc::calls() - before[1]].map(|n| n as f64 / TASKS as f64)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

fn peers<const SIZE: usize>() -> [(&'static str, [f64; 2]); 6] {
    let spawn = runtime().block_on(measure(|| drop(tokio::spawn(parked::<SIZE>()))));
    let join_set = runtime().block_on(async {
        let mut set = JoinSet::new();
        measure(|| drop(set.spawn(parked::<SIZE>()))).await
    });
    let tracker = TaskTracker::new();
    let tracked = runtime().block_on(measure(|| drop(tracker.spawn(parked::<SIZE>()))));
    let token = CancellationToken::new();
    let shared = runtime().block_on(measure(|| {
        let token = token.clone();
        tracker.spawn(async move { token.run_until_cancelled(parked::<SIZE>()).await });
    }));
    let children = runtime().block_on(measure(|| {
        let token = token.child_token();
        tracker.spawn(async move { token.run_until_cancelled(parked::<SIZE>()).await });
    }));
    let group = runtime().block_on(async {
        let mut measured = [0.0; 2];
        let _ = TaskGroup::scope(async |tg| {
            measured = measure(|| drop(tg.spawn(parked::<SIZE>()))).await;
            tg.cancel();
            Ok(())
        })
        .await;
        measured
    });
    [
        ("tokio::spawn", spawn),
        ("JoinSet", join_set),
        ("TaskTracker", tracked),
        ("TaskTracker + one shared token", shared),
        ("TaskTracker + child token each", children),
        ("TaskGroup", group),
    ]
}

fn table<const SIZE: usize>(mean: &mut [f64; 2]) {
    let peers = peers::<SIZE>();
    let mut bytes = Table::new(format!("a task that waits, holding {SIZE} bytes"), "bytes");
    for (name, [held, _]) in peers {
        bytes = bytes.row(name, held);
    }
    if (32..=94).contains(&SIZE) {
        bytes = bytes.goal("TaskGroup", "tokio::spawn", 1.0);
    }
    bytes.show();
    mean[0] += peers[5].1[0];
    mean[1] += peers[1].1[0];
    if SIZE == 64 {
        let mut calls = Table::new("a task that waits", "allocations");
        for (name, [_, count]) in peers {
            calls = calls.row(name, count);
        }
        calls.goal("TaskGroup", "tokio::spawn", 1.0).show();
    }
}

fn main() {
    let mut sums = [0.0; 2];
    table::<16>(&mut sums);
    table::<32>(&mut sums);
    table::<64>(&mut sums);
    table::<90>(&mut sums);
    table::<200>(&mut sums);
    table::<500>(&mut sums);
    Table::new("a task that waits, mean over these sizes", "bytes")
        .row("JoinSet", sums[1] / 6.0)
        .row("TaskGroup", sums[0] / 6.0)
        .goal("TaskGroup", "JoinSet", 1.0)
        .show();
}

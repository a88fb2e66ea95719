//! What does a task hold while it waits, and what a timer?
//!
//! `cargo bench -p aiotools-benches --bench memory`; bytes and allocations as asked of the allocator, whatever that makes of them.
#![allow(missing_docs, reason = "a bench")]

use std::hint::black_box;

use aiotools::TaskGroup;
use aiotools_benches::{
    Table,
    alloc::{self, Counting},
    timers::{Crowd, SHAPES},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TASKS: usize = 1_000;

/// One for each task, and one for all.
const ONE_EACH: f64 = 1.0 + 1.0 / TASKS as f64;

const SPAWN: &str = "tokio::spawn";
const JOIN_SET: &str = "JoinSet";
const GROUP: &str = "TaskGroup";
const WITH_HANDLE: &str = "TaskGroup, handle kept";

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

fn peers<const SIZE: usize>() -> [(&'static str, [f64; 2]); 7] {
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
    let group = in_group(|tg| drop(tg.spawn(parked::<SIZE>())));
    let mut handles = Vec::with_capacity(2 * TASKS);
    let with_handle = in_group(|tg| handles.push(tg.spawn(parked::<SIZE>())));
    [
        (SPAWN, spawn),
        (JOIN_SET, join_set),
        ("TaskTracker", tracked),
        ("TaskTracker + one shared token", shared),
        ("TaskTracker + child token each", children),
        (GROUP, group),
        (WITH_HANDLE, with_handle),
    ]
}

fn in_group(mut start: impl FnMut(&TaskGroup)) -> [f64; 2] {
    let mut measured = [0.0; 2];
    let _ = runtime().block_on(TaskGroup::scope(async |tg| {
        measured = measure(|| start(&tg)).await;
        tg.cancel();
        Ok(())
    }));
    measured
}

/// Gives the bytes of a task in a `JoinSet` and in a group.
fn table<const SIZE: usize>() -> [f64; 2] {
    let peers = peers::<SIZE>();
    let bytes = peers.iter().fold(
        Table::new(format!("a task that waits, holding {SIZE} bytes"), "bytes"),
        |table, (name, [held, _])| table.row(*name, *held),
    );
    let more = if (32..=96).contains(&SIZE) {
        0.0
    } else {
        128.0
    };
    bytes.goal_more(GROUP, SPAWN, more).show();
    if SIZE == 64 {
        let calls = Table::new("a task that waits", "allocations");
        peers
            .iter()
            .fold(calls, |table, (name, [_, count])| table.row(*name, *count))
            .goal_most(GROUP, ONE_EACH)
            .goal_most(WITH_HANDLE, ONE_EACH)
            .show();
    }
    [JOIN_SET, GROUP].map(|peer| {
        let found = peers.iter().find(|(name, _)| *name == peer);
        found.expect("it is there").1[0]
    })
}

fn timers() {
    const TIMERS: u32 = 100_000;
    let mut bytes = Table::new("100,000 timers, each", "bytes");
    let mut calls = Table::new("100,000 timers, a tick", "allocations");
    for shape in SHAPES {
        let before = alloc::bytes();
        let mut crowd = Crowd::new(shape, TIMERS, 100);
        let held = alloc::bytes() - before - crowd.own_bytes();
        bytes = bytes.row(shape, held as f64 / f64::from(TIMERS));
        let (before, ticks) = (alloc::calls(), crowd.ticks());
        crowd.sample(1000);
        let ticks = (crowd.ticks() - ticks) as f64;
        calls = calls.row(shape, (alloc::calls() - before) as f64 / ticks);
    }
    bytes.goal("aiotools, Skip", "interval", 0.25).show();
    calls.show();
}

fn main() {
    timers();
    let held = [
        table::<16>(),
        table::<32>(),
        table::<64>(),
        table::<90>(),
        table::<200>(),
        table::<500>(),
    ];
    let mean = |at: usize| held.iter().map(|held| held[at]).sum::<f64>() / held.len() as f64;
    Table::new("a task that waits, mean over these sizes", "bytes")
        .row(JOIN_SET, mean(0))
        .row(GROUP, mean(1))
        .goal(GROUP, JOIN_SET, 1.0)
        .show();
}

//! What does it cost to start tasks and to wait for all of them?
//!
//! `cargo bench -p aiotools-benches --bench spawn_join`; nanoseconds for one task; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use aiotools_benches::{
    Curve, Race, runtimes,
    tasks::{self, Child},
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLOOR: &str = "floor: spawn, an atomic, a waker";
const HANDLES: &str = "spawn, Vec<JoinHandle>";
const JOIN_SET: &str = "JoinSet";
const TRACKER: &str = "TaskTracker";
const CHILD_TOKENS: &str = "TaskTracker + child token each";
const SCOPED: &str = "async-scoped, unsafe";
const GROUP: &str = "TaskGroup";
const GROUP_HANDLES: &str = "TaskGroup, handles awaited";

fn spawn_join(flavour: &str, runtime: &Runtime, n: usize, kind: Child) {
    let (what, to_join_set, to_tokens, to_floor) = match kind {
        Child::Ready => ("ready at once", 0.55, 0.5, 1.2),
        Child::Yield => ("one yield", 0.75, 0.6, 1.35),
    };
    let race = Race::new(format!("spawn and join {n}, {what}, {flavour}"))
        .pieces(n)
        .fewer_rounds((n / 4_000).max(1))
        .task(FLOOR, runtime, move || tasks::floor(n, kind))
        .task(HANDLES, runtime, move || tasks::join_handles(n, kind))
        .task(JOIN_SET, runtime, move || tasks::join_set(n, kind))
        .task(TRACKER, runtime, move || tasks::tracker(n, kind))
        .task(CHILD_TOKENS, runtime, move || {
            tasks::tracker_with_child_tokens(n, kind)
        });
    // It polls all of its handles again and again: 100,000 of them take it seconds.
    let race = match n {
        100_000 => race,
        _ => race.task(SCOPED, runtime, move || tasks::scoped(n, kind)),
    };
    race.task(GROUP, runtime, move || tasks::group(n, kind))
        .task(GROUP_HANDLES, runtime, move || {
            tasks::group_with_handles(n, kind)
        })
        .goal(GROUP, JOIN_SET, to_join_set)
        .goal(GROUP, CHILD_TOKENS, to_tokens)
        .goal(GROUP, FLOOR, to_floor)
        .goal(GROUP_HANDLES, HANDLES, 1.35)
        .run();
}

/// What one child costs over the size of its group, beside what a bare task costs.
fn by_size(flavour: &str, runtime: &Runtime) {
    let title = format!("one child, by the size of its group, {flavour}");
    let mut curve = Curve::new(title, "ns").flat_within(1.5);
    for n in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let lows = Race::new(format!("one child among {n}, {flavour}"))
            .pieces(n)
            .fewer_rounds((n / 1_000).max(1))
            .task(GROUP, runtime, move || tasks::group(n, Child::Yield))
            .task(FLOOR, runtime, move || tasks::floor(n, Child::Yield))
            .run();
        curve.point(GROUP, n as f64, lows[0]);
        curve.point("floor", n as f64, lows[1]);
    }
    curve.show();
}

/// What one level costs, over the depth of the nesting.
fn by_depth(flavour: &str, runtime: &Runtime) {
    let title = format!("one group in a group, by the depth of the nesting, {flavour}");
    let mut curve = Curve::new(title, "ns").flat_within(1.5);
    for depth in [1, 2, 5, 10, 20, 50, 100] {
        let lows = Race::new(format!("groups nested {depth} deep, {flavour}"))
            .pieces(depth)
            .fewer_rounds(2)
            .task(GROUP, runtime, move || tasks::nest(depth))
            .run();
        curve.point(GROUP, depth as f64, lows[0]);
    }
    curve.show();
}

fn main() {
    for (flavour, runtime) in &runtimes() {
        for n in [16, 1_000, 100_000] {
            for kind in [Child::Ready, Child::Yield] {
                spawn_join(flavour, runtime, n, kind);
            }
        }
        by_size(flavour, runtime);
        by_depth(flavour, runtime);
    }
}

//! What does it cost to start tasks and to wait for all of them?
//!
//! `cargo bench -p aiotools-benches --bench spawn_join`; nanoseconds for one task; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use aiotools_benches::{
    Curve, Race, runtimes,
    tasks::{self, Child},
    within,
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Adds contenders, each a function of how many tasks there are and what they do.
macro_rules! contenders {
    ($race:expr, $runtime:expr, $n:expr, $kind:expr, $($name:literal => $shape:path,)*) => {
        $race$(.contender($name, |times| {
            let (n, kind) = ($n, $kind);
            within($runtime, async move {
                for _ in 0..times {
                    $shape(n, kind).await;
                }
            });
        }))*
    };
}

fn spawn_join(flavour: &str, runtime: &Runtime, n: usize, kind: Child) {
    let (what, to_join_set, to_tokens, to_floor) = match kind {
        Child::Ready => ("ready at once", 0.55, 0.5, 1.2),
        Child::Yield => ("one yield", 0.75, 0.6, 1.35),
    };
    let race = Race::new(format!("spawn and join {n}, {what}, {flavour}"))
        .pieces(n)
        .fewer_rounds((n / 4_000).max(1));
    contenders!(
        race, runtime, n, kind,
        "floor: spawn, an atomic, a waker" => tasks::floor,
        "spawn, Vec<JoinHandle>" => tasks::join_handles,
        "JoinSet" => tasks::join_set,
        "TaskTracker" => tasks::tracker,
        "TaskTracker + child token each" => tasks::tracker_with_child_tokens,
        "TaskGroup" => tasks::group,
        "TaskGroup, handles awaited" => tasks::group_with_handles,
    )
    .goal("TaskGroup", "JoinSet", to_join_set)
    .goal("TaskGroup", "TaskTracker + child token each", to_tokens)
    .goal("TaskGroup", "floor: spawn, an atomic, a waker", to_floor)
    .goal("TaskGroup, handles awaited", "spawn, Vec<JoinHandle>", 1.35)
    .run();
}

/// What one child costs over the size of its group, beside what a bare task costs.
fn by_size(flavour: &str, runtime: &Runtime) {
    let mut curve = Curve::new(
        format!("one child, by the size of its group, {flavour}"),
        "ns",
    )
    .flat_within(1.5);
    for n in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let race = Race::new(format!("one child among {n}, {flavour}"))
            .pieces(n)
            .fewer_rounds((n / 1_000).max(1));
        let lows = contenders!(
            race, runtime, n, Child::Yield,
            "TaskGroup" => tasks::group,
            "floor: spawn, an atomic, a waker" => tasks::floor,
        )
        .run();
        curve.point("TaskGroup", n as f64, lows[0]);
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
            .contender("TaskGroup", |times| {
                within(runtime, async move {
                    for _ in 0..times {
                        tasks::nest(depth).await;
                    }
                });
            })
            .run();
        curve.point("TaskGroup", depth as f64, lows[0]);
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

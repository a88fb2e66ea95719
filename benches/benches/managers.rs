//! What does a manager cost, beside the same set-up and cleanup written by hand?
//!
//! `cargo bench -p aiotools-benches --bench managers`; nanoseconds for one set-up, body and cleanup; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use std::hint::black_box;

use aiotools::actxmgr;
use aiotools_benches::{
    Race,
    managers::{self, Suspend},
    runtimes, within,
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Adds contenders, each an async fn.
macro_rules! contenders {
    ($race:expr, $runtime:expr, $($name:literal => $shape:path,)*) => {
        $race$(.contender($name, |times| {
            within($runtime, async move {
                for _ in 0..times {
                    $shape().await;
                }
            });
        }))*
    };
}

fn shapes(runtime: &Runtime) {
    contenders!(
        Race::new("a manager, ready at once"), runtime,
        "by hand" => managers::ready::by_hand,
        "scoped manager, scope" => managers::ready::scoped,
        "default manager, scope" => managers::ready::shared,
        "default manager, guard" => managers::ready::guard,
    )
    .goal("scoped manager, scope", "by hand", 1.5)
    .goal("default manager, scope", "by hand", 2.5)
    .goal("default manager, guard", "by hand", 2.5)
    .run();
    contenders!(
        Race::new("a manager, set-up and cleanup suspend once"), runtime,
        "by hand" => managers::suspending::by_hand,
        "scoped manager, scope" => managers::suspending::scoped,
        "default manager, scope" => managers::suspending::shared,
        "default manager, guard" => managers::suspending::guard,
    )
    .goal("scoped manager, scope", "by hand", 2.1)
    .goal("default manager, scope", "by hand", 3.3)
    .goal("default manager, guard", "by hand", 3.3)
    .run();
}

#[actxmgr]
async fn dropped() {
    yield_!();
    Suspend::default().await;
}

fn detached(runtime: &Runtime) {
    Race::new("a dropped guard: its cleanup in the background, until it is done")
        .contender("tokio::spawn of the same cleanup", |times| {
            within(runtime, async move {
                for _ in 0..times {
                    tokio::spawn(Suspend::default());
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                }
            });
        })
        .contender("a guard that is dropped", |times| {
            within(runtime, async move {
                for _ in 0..times {
                    drop(black_box(dropped().await));
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                }
            });
        })
        .goal(
            "a guard that is dropped",
            "tokio::spawn of the same cleanup",
            1.3,
        )
        .run();
}

fn main() {
    let [(_, runtime), _] = &runtimes();
    shapes(runtime);
    detached(runtime);
}

//! What does a manager cost, beside the same set-up and cleanup written by hand?
//!
//! `cargo bench -p aiotools-benches --bench managers`; nanoseconds for one set-up, body and cleanup; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use std::{hint::black_box, pin::Pin};

use aiotools_benches::{
    Race,
    managers::{self, Suspend},
    runtimes,
};
use async_dropper_simple::{AsyncDrop, AsyncDropper};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Adds the shapes of one module.
macro_rules! shapes {
    ($race:expr, $runtime:expr, $module:ident) => {
        $race
            .task("by hand", $runtime, managers::$module::by_hand)
            .task("scoped manager, scope", $runtime, managers::$module::scoped)
            .task(
                "default manager, scope",
                $runtime,
                managers::$module::shared,
            )
            .task("default manager, guard", $runtime, managers::$module::guard)
    };
}

fn around_a_body(runtime: &Runtime) {
    shapes!(Race::new("a manager, ready at once"), runtime, ready)
        .goal("scoped manager, scope", "by hand", 1.5)
        .goal("default manager, scope", "by hand", 2.5)
        .goal("default manager, guard", "by hand", 2.5)
        .run();
    let suspends = Race::new("a manager, set-up and cleanup suspend once");
    shapes!(suspends, runtime, suspending)
        .goal("scoped manager, scope", "by hand", 2.1)
        .goal("default manager, scope", "by hand", 3.3)
        .goal("default manager, guard", "by hand", 3.3)
        .run();
}

/// Two turns: enough for a task that has been spawned and suspends once.
async fn let_it_end() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

fn detached(runtime: &Runtime) {
    const SPAWN: &str = "tokio::spawn of the same cleanup";
    const GUARD: &str = "a guard that is dropped";
    Race::new("a dropped guard: its cleanup in the background, until it is done")
        .task(SPAWN, runtime, async || {
            tokio::spawn(Suspend::default());
            let_it_end().await;
        })
        .task(GUARD, runtime, async || {
            drop(black_box(managers::guard_to_drop().await));
            let_it_end().await;
        })
        .goal(GUARD, SPAWN, 1.3)
        .run();
}

/// What async-dropper cleans up.
#[derive(Default)]
struct Dropped;

impl AsyncDrop for Dropped {
    fn async_drop<'a, 'async_trait>(
        &'a mut self,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'a: 'async_trait,
    {
        Box::pin(Suspend::default())
    }
}

/// async-dropper blocks the thread for as long as the cleanup takes, and has to have another worker.
fn beside_async_dropper(runtime: &Runtime) {
    Race::new("a value is dropped, and its cleanup has ended, two workers")
        .task("tokio::spawn of the same cleanup", runtime, async || {
            let cleanup = tokio::spawn(Suspend::default());
            cleanup.await.expect("it does not panic");
        })
        .task("async-dropper", runtime, async || {
            drop(black_box(AsyncDropper::new(Dropped)));
        })
        .task("a guard that is dropped, and drain", runtime, || {
            managers::drop_guards(1)
        })
        .run();
}

fn main() {
    let [(_, current_thread), (_, two_workers)] = &runtimes();
    around_a_body(current_thread);
    detached(current_thread);
    beside_async_dropper(two_workers);
}

//! How long does it take from the order to cancel until the last task has been dropped?
//!
//! `cargo bench -p aiotools-benches --bench cancel_all`; nanoseconds for one task; allocator: mimalloc.
#![allow(missing_docs, reason = "a bench")]

use std::time::Duration;

use aiotools_benches::{
    Race, runtimes,
    tasks::{self, Settle},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const JOIN_SET: &str = "JoinSet::shutdown";
const SHARED: &str = "TaskTracker + one shared token";
const CHILD: &str = "TaskTracker + child token each";
const GROUP: &str = "TaskGroup::cancel";

fn main() {
    for (flavour, runtime) in &runtimes() {
        for n in [1_000, 20_000, 100_000] {
            // Long enough for all of them to be polled and to wait, on whatever worker.
            let settle = Settle::Sleep(Duration::from_micros(n as u64 / 20));
            let race = Race::new(format!("cancel {n} parked tasks, {flavour}"))
                .pieces(n)
                .fewer_rounds((n / 2_000).max(1))
                .timed_task(JOIN_SET, runtime, move || {
                    tasks::shut_down_join_set(n, settle)
                })
                .timed_task(SHARED, runtime, move || {
                    tasks::cancel_shared_token(n, settle)
                })
                .timed_task(CHILD, runtime, move || {
                    tasks::cancel_child_tokens(n, settle)
                })
                .timed_task(GROUP, runtime, move || tasks::cancel_group(n, settle));
            // The goals are for many.
            let race = match n {
                1_000 => race,
                _ => race.goal(GROUP, JOIN_SET, 0.65).goal(GROUP, SHARED, 0.8),
            };
            race.run();
        }
    }
}

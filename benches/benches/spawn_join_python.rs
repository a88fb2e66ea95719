//! What does a task in a group cost here, and in the task groups of Python?
//!
//! `cargo bench -p aiotools-benches --bench spawn_join_python`; nanoseconds for one task that yields once; `scripts/bench-peers`
//! installs the peers, without which it says so. One core each: our current-thread runtime, and an event loop, warm and in turns.
#![allow(missing_docs, reason = "a bench")]

use std::{cell::RefCell, time::Duration};

use aiotools_benches::{
    Race,
    python::Script,
    runtimes,
    tasks::{self, Child},
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SHAPES: [&str; 4] = [
    "asyncio.TaskGroup",
    "aiotools.TaskGroup",
    "aiotools.PersistentTaskGroup",
    "aiotools.TaskScope",
];

fn spawn_join(runtime: &Runtime, n: usize, loops: &[(&str, RefCell<Script>)]) {
    let mut race = Race::new(format!("spawn and join {n}, one yield, beside Python"))
        .pieces(n)
        .fewer_rounds(4)
        .task("TaskGroup", runtime, move || tasks::group(n, Child::Yield));
    for (event_loop, script) in loops {
        for shape in SHAPES {
            race = race.stopwatch(format!("Python {shape}, {event_loop}"), move |times| {
                let answer = script.borrow_mut().ask(&format!("{shape} {n} {times}"));
                let nanos = answer.expect("it goes on").parse().expect("nanoseconds");
                Duration::from_nanos(nanos)
            });
        }
    }
    race.run();
}

fn main() {
    let mut loops = Vec::new();
    for event_loop in ["asyncio", "uvloop"] {
        match Script::start("tasks.py", &[event_loop]) {
            Ok(script) => loops.push((event_loop, RefCell::new(script))),
            Err(why) => return println!("left out: {why}"),
        }
    }
    let [(_, runtime), _] = &runtimes();
    for n in [16, 1_000] {
        spawn_join(runtime, n, &loops);
    }
}

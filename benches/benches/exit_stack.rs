//! What does an entry of an exit stack of eight cost, beside the same eight set-ups and cleanups written by hand?
//!
//! `cargo bench -p aiotools-benches --bench exit_stack`; nanoseconds for one entry; allocator: mimalloc. By hand, that is a loop which
//! keeps what it has set up in a vector: it has none of the guarantees of a stack. Allocations, and more entries: see `growth`.
#![allow(missing_docs, reason = "a bench")]

use aiotools_benches::{Race, managers, runtimes};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENTRIES: usize = 8;

/// Adds the shapes of one module.
macro_rules! shapes {
    ($race:expr, $runtime:expr, $module:ident) => {
        $race
            .pieces(ENTRIES)
            .task("by hand", $runtime, || {
                managers::$module::many_by_hand(ENTRIES)
            })
            .task("AsyncExitStack", $runtime, || {
                managers::$module::stack(ENTRIES)
            })
            .task("actxgroup, all at once", $runtime, || {
                managers::$module::group(ENTRIES)
            })
            .goal("AsyncExitStack", "by hand", 1.5)
            .run()
    };
}

fn main() {
    let [(_, runtime), _] = &runtimes();
    shapes!(
        Race::new("one of eight entries, ready at once"),
        runtime,
        ready
    );
    let suspends = Race::new("one of eight entries, set-up and cleanup suspend once");
    shapes!(suspends, runtime, suspending);
}

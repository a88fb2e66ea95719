//! How many instructions does each piece of work take? What no load of the machine changes, and what a check may rest on.
//!
//! `cargo bench -p aiotools-benches --bench instructions`; needs valgrind, and says so where there is none. Allocator: mimalloc;
//! current-thread runtime. With arguments, `<shape> <ready|yield|suspending|cancel|ask> <n> <rounds>`, it runs one shape, for `perf` and
//! for a look with `callgrind_annotate`.
#![allow(missing_docs, reason = "a bench")]

use std::{hint::black_box, io, pin::Pin};

use aiotools::TaskGroup;
use aiotools_benches::{
    Table,
    callgrind::{self, Shape},
    managers,
    tasks::{self, Child, Settle},
};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PIECES: usize = 1_000;

fn run(shape: Shape) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let Shape { name, kind, n } = &shape;
        let child = match &**kind {
            "ready" => Child::Ready,
            "yield" => Child::Yield,
            "cancel" => return cancel(name, *n).await,
            "ask" => return ask(name, *n).await,
            _ => return managers::round(name, kind, *n).await,
        };
        match &**name {
            "floor" => tasks::floor(*n, child).await,
            "Vec<JoinHandle>" => tasks::join_handles(*n, child).await,
            "join_all" => tasks::join_all(*n, child).await,
            "JoinSet" => tasks::join_set(*n, child).await,
            "TaskTracker" => tasks::tracker(*n, child).await,
            "child tokens" => tasks::tracker_with_child_tokens(*n, child).await,
            "async-scoped" => tasks::scoped(*n, child).await,
            "TaskGroup" => tasks::group(*n, child).await,
            "TaskGroup, handles" => tasks::group_with_handles(*n, child).await,
            "gather" => tasks::gather(*n, child).await,
            _ => managers::round(name, kind, *n).await,
        }
    })
}

async fn cancel(name: &str, n: usize) {
    match name {
        "JoinSet" => tasks::shut_down_join_set(n, Settle::Yield).await,
        "shared token" => tasks::cancel_shared_token(n, Settle::Yield).await,
        "TaskGroup" => tasks::cancel_group(n, Settle::Yield).await,
        _ => panic!("no shape `{name}` for `cancel`"),
    };
}

/// Asks `n` times whether the work is to end.
async fn ask(name: &str, n: usize) {
    let times = |is_cancelled: &dyn Fn() -> bool| {
        for _ in 0..n {
            black_box(is_cancelled());
        }
    };
    let asked = match name {
        "CancellationToken" => {
            let token = CancellationToken::new();
            times(&|| token.is_cancelled());
            return;
        }
        "TaskGroup" => {
            TaskGroup::scope(async |tg| {
                times(&|| tg.is_cancelled());
                Ok(())
            })
            .await
        }
        "is_cancelled()" => {
            TaskGroup::scope(async |_| {
                times(&aiotools::is_cancelled);
                Ok(())
            })
            .await
        }
        _ => panic!("nobody to ask: `{name}`"),
    };
    asked.expect("nothing fails");
}

fn table(title: &str, kind: &str, names: &[&str]) -> io::Result<Table> {
    let mut table = Table::new(title, "instructions");
    for name in names {
        table = table.row(*name, Shape::new(name, kind, PIECES).instructions()?);
    }
    Ok(table)
}

fn all() -> io::Result<()> {
    const PEERS: [&str; 10] = [
        "floor",
        "Vec<JoinHandle>",
        "join_all",
        "JoinSet",
        "TaskTracker",
        "child tokens",
        "async-scoped",
        "TaskGroup",
        "TaskGroup, handles",
        "gather",
    ];
    for (kind, what, to_join_set) in [("ready", "ready at once", 0.7), ("yield", "one yield", 0.8)]
    {
        let title = format!("one task of 1000, {what}, instructions");
        table(&title, kind, &PEERS)?
            .goal("TaskGroup", "JoinSet", to_join_set)
            .show();
    }
    table(
        "one task of 1000, started, parked and cancelled, instructions",
        "cancel",
        &["JoinSet", "shared token", "TaskGroup"],
    )?
    .show();
    table(
        "asking once whether to end, instructions",
        "ask",
        &["CancellationToken", "TaskGroup", "is_cancelled()"],
    )?
    .goal("TaskGroup", "CancellationToken", 1.0)
    .show();
    for kind in ["ready", "suspending"] {
        let title = format!("a manager, {kind}, instructions");
        table(&title, kind, &["by_hand", "scoped", "shared", "guard"])?.show();
    }
    Ok(())
}

fn main() {
    if callgrind::run_if_asked(run) {
        return;
    }
    if let Err(error) = all() {
        println!("without instruction counts: valgrind: {error}");
    }
}

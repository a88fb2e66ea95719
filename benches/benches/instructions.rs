//! How many instructions does each piece of work take? What no load of the machine changes, and what a check may rest on.
//!
//! `cargo bench -p aiotools-benches --bench instructions`; needs valgrind, and says so where there is none. Allocator: mimalloc;
//! current-thread runtime. With arguments, `<shape> <ready|yield|suspending|cancel> <n> <rounds>`, it runs one shape, for `perf` and
//! for a look with `callgrind_annotate`.
#![allow(missing_docs, reason = "a bench")]

use std::{io, process::Command};

use aiotools_benches::{
    Curve, Table, managers,
    tasks::{self, Child},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

async fn round(shape: &str, kind: &str, n: usize) {
    if kind == "cancel" {
        let started = async || {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        };
        return match shape {
            "JoinSet" => tasks::shut_down_join_set(n, started).await,
            "shared token" => tasks::cancel_shared_token(n, started).await,
            "TaskGroup" => tasks::cancel_group(n, started).await,
            _ => panic!("no shape `{shape}` for `cancel`"),
        };
    }
    let child = match kind {
        "ready" => Child::Ready,
        "yield" => Child::Yield,
        _ => return managers::round(shape, kind, n).await,
    };
    match shape {
        "floor" => tasks::floor(n, child).await,
        "Vec<JoinHandle>" => tasks::join_handles(n, child).await,
        "join_all" => tasks::join_all(n, child).await,
        "JoinSet" => tasks::join_set(n, child).await,
        "TaskTracker" => tasks::tracker(n, child).await,
        "child tokens" => tasks::tracker_with_child_tokens(n, child).await,
        "TaskGroup" => tasks::group(n, child).await,
        "TaskGroup, handles" => tasks::group_with_handles(n, child).await,
        "gather" => tasks::gather(n, child).await,
        "nested" => tasks::nest(n).await,
        _ => managers::round(shape, kind, n).await,
    }
}

fn run(shape: String, kind: String, n: usize, rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::spawn(async move {
            for _ in 0..rounds {
                round(&shape, &kind, n).await;
            }
        })
        .await
        .expect("it does not panic");
    });
}

/// What callgrind counts for so many rounds, start of the program and all.
fn collected(shape: &str, kind: &str, n: usize, rounds: usize) -> io::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([shape, kind, &n.to_string(), &rounds.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| io::Error::other(said.into_owned()))
}

/// Instructions for one of `n`: the difference between few rounds and more, so that what happens once does not count.
fn one_of(shape: &str, kind: &str, n: usize) -> io::Result<f64> {
    let few = 5_000_usize.div_ceil(n);
    let more = few + 20_000_usize.div_ceil(n).max(2);
    let difference = collected(shape, kind, n, more)? - collected(shape, kind, n, few)?;
    Ok(difference / (n * (more - few)) as f64)
}

fn table(title: &str, kind: &str, n: usize, shapes: &[&str]) -> io::Result<Table> {
    let mut table = Table::new(title, "instructions");
    for shape in shapes {
        table = table.row(*shape, one_of(shape, kind, n)?);
    }
    Ok(table)
}

fn all() -> io::Result<()> {
    const PEERS: [&str; 9] = [
        "floor",
        "Vec<JoinHandle>",
        "join_all",
        "JoinSet",
        "TaskTracker",
        "child tokens",
        "TaskGroup",
        "TaskGroup, handles",
        "gather",
    ];
    for (kind, what, to_join_set) in [("ready", "ready at once", 0.7), ("yield", "one yield", 0.8)]
    {
        let title = format!("one task of 1000, {what}, instructions");
        table(&title, kind, 1_000, &PEERS)?
            .goal("TaskGroup", "JoinSet", to_join_set)
            .goal("gather", "join_all", 1.0)
            .show();
    }
    table(
        "one task of 1000, started, parked and cancelled, instructions",
        "cancel",
        1_000,
        &["JoinSet", "shared token", "TaskGroup"],
    )?
    .show();
    for kind in ["ready", "suspending"] {
        let title = format!("a manager, {kind}, instructions");
        table(
            &title,
            kind,
            1_000,
            &["by_hand", "scoped", "shared", "guard"],
        )?
        .show();
    }
    let mut sizes = Curve::new(
        "one child by the size of its group, instructions",
        "instructions",
    );
    for n in [10, 100, 1_000, 10_000, 100_000] {
        sizes.point("TaskGroup", n as f64, one_of("TaskGroup", "yield", n)?);
        sizes.point("floor", n as f64, one_of("floor", "yield", n)?);
    }
    sizes.flat_within(1.5).show();
    let mut depths = Curve::new(
        "one group in a group by the depth, instructions",
        "instructions",
    );
    for depth in [1, 10, 100] {
        depths.point("TaskGroup", depth as f64, one_of("nested", "ready", depth)?);
    }
    depths.flat_within(1.5).show();
    Ok(())
}

fn main() {
    let args: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match &args[..] {
        [shape, kind, n, rounds] => run(
            shape.clone(),
            kind.clone(),
            n.parse().expect("a number"),
            rounds.parse().expect("a number"),
        ),
        _ => {
            if let Err(error) = all() {
                println!("without instruction counts: valgrind: {error}");
            }
        }
    }
}

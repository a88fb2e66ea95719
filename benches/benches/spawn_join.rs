//! What does a child of a group cost, against its peers, in the same run?
//!
//! `cargo bench -p aiotools-benches --bench spawn_join [-- rounds] [-- quick] [-- curves]` prints nanoseconds per child (10th percentile of many short
//! interleaved rounds: a busy machine only ever adds) and the ratio to the floor: `tokio::spawn`, one atomic, one waker.

use std::{
    future::Future,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aiotools::TaskGroup;
use tokio::{runtime::Runtime, sync::Notify, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[derive(Clone, Copy, PartialEq)]
enum Child {
    Ready,
    Yield,
}

async fn child(kind: Child) {
    if kind == Child::Yield {
        tokio::task::yield_now().await;
    }
    black_box(());
}

async fn floor(n: usize, kind: Child) {
    let left = Arc::new((AtomicUsize::new(n), Notify::new()));
    for _ in 0..n {
        let left = left.clone();
        tokio::spawn(async move {
            child(kind).await;
            if left.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                left.1.notify_one();
            }
        });
    }
    left.1.notified().await;
}

async fn join_handles(n: usize, kind: Child) {
    let handles: Vec<_> = (0..n).map(|_| tokio::spawn(child(kind))).collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

async fn join_set(n: usize, kind: Child) {
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn(child(kind));
    }
    while let Some(done) = set.join_next().await {
        done.unwrap();
    }
}

async fn tracker(n: usize, kind: Child) {
    let tracker = TaskTracker::new();
    for _ in 0..n {
        tracker.spawn(child(kind));
    }
    tracker.close();
    tracker.wait().await;
}

async fn tracker_with_child_tokens(n: usize, kind: Child) {
    let tracker = TaskTracker::new();
    let token = CancellationToken::new();
    for _ in 0..n {
        let token = token.child_token();
        tracker.spawn(async move { token.run_until_cancelled(child(kind)).await });
    }
    tracker.close();
    tracker.wait().await;
}

async fn group(n: usize, kind: Child) {
    TaskGroup::scope(async |tg| {
        for _ in 0..n {
            drop(tg.spawn(child(kind)));
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn group_with_handles(n: usize, kind: Child) {
    TaskGroup::scope(async |tg| {
        let handles: Vec<_> = (0..n).map(|_| tg.spawn(child(kind))).collect();
        for handle in handles {
            handle.await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn gather(n: usize, kind: Child) {
    black_box(aiotools::gather((0..n).map(|_| child(kind))).await);
}

/// Runs one sample inside a task, as real callers do.
fn sample<F: Future<Output = Duration> + Send + 'static>(runtime: &Runtime, run: F) -> Duration {
    runtime.block_on(async { tokio::spawn(run).await.unwrap() })
}

type Run = Box<dyn Fn(&Runtime) -> Duration>;

fn spawn_join<F, Fut>(n: usize, kind: Child, times: usize, run: F) -> Run
where
    F: Fn(usize, Child) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Box::new(move |runtime| {
        sample(runtime, async move {
            let start = Instant::now();
            for _ in 0..times {
                run(n, kind).await;
            }
            start.elapsed()
        })
    })
}

/// Interleaved rounds; the 10th percentile of each, in ns per child.
fn measure(runtime: &Runtime, rounds: usize, per_sample: usize, runs: &[(&str, Run)]) -> Vec<f64> {
    let mut samples = vec![Vec::with_capacity(rounds); runs.len()];
    for round in 0..rounds + 2 {
        for (at, (_, run)) in runs.iter().enumerate() {
            let took = run(runtime);
            if round >= 2 {
                samples[at].push(took.as_nanos() as f64 / per_sample as f64);
            }
        }
    }
    samples
        .into_iter()
        .map(|mut samples| {
            samples.sort_by(f64::total_cmp);
            samples[samples.len() / 10]
        })
        .collect()
}

fn show(title: &str, runs: &[(&str, Run)], nanos: &[f64]) {
    println!("{title}");
    for ((name, _), nanos_here) in runs.iter().zip(nanos) {
        println!(
            "  {name:<28} {nanos_here:>8.0} ns  {:>5.2}",
            nanos_here / nanos[0]
        );
    }
}

fn spawn_joins(flavour: &str, runtime: &Runtime, rounds: usize) {
    let sizes: &[usize] = if std::env::args().any(|arg| arg == "quick") {
        &[16, 1_000]
    } else {
        &[16, 1_000, 100_000]
    };
    for &n in sizes {
        for kind in [Child::Ready, Child::Yield] {
            let times = (4_000 / n).max(1);
            let rounds = if n == 100_000 {
                (rounds / 8).max(5)
            } else {
                rounds
            };
            let runs: Vec<(&str, Run)> = vec![
                ("floor", spawn_join(n, kind, times, floor)),
                ("Vec<JoinHandle>", spawn_join(n, kind, times, join_handles)),
                ("TaskTracker", spawn_join(n, kind, times, tracker)),
                ("JoinSet", spawn_join(n, kind, times, join_set)),
                (
                    "TaskTracker + child tokens",
                    spawn_join(n, kind, times, tracker_with_child_tokens),
                ),
                ("TaskGroup", spawn_join(n, kind, times, group)),
                (
                    "TaskGroup, handles awaited",
                    spawn_join(n, kind, times, group_with_handles),
                ),
                ("gather", spawn_join(n, kind, times, gather)),
            ];
            let nanos = measure(runtime, rounds, n * times, &runs);
            let what = if kind == Child::Ready {
                "ready at once"
            } else {
                "one yield"
            };
            show(&format!("{flavour}, groups of {n}, {what}"), &runs, &nanos);
        }
    }
}

async fn parked() {
    std::future::pending::<()>().await;
}

fn cancel_all(n: usize) -> Vec<(&'static str, Run)> {
    async fn settle(n: usize) {
        for _ in 0..if n > 50_000 { 40 } else { 10 } {
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    }
    vec![
        (
            "JoinSet::shutdown",
            Box::new(move |runtime: &Runtime| {
                sample(runtime, async move {
                    let mut set = JoinSet::new();
                    for _ in 0..n {
                        set.spawn(parked());
                    }
                    settle(n).await;
                    let start = Instant::now();
                    set.shutdown().await;
                    start.elapsed()
                })
            }) as Run,
        ),
        (
            "one shared token",
            Box::new(move |runtime: &Runtime| {
                sample(runtime, async move {
                    let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
                    for _ in 0..n {
                        let token = token.clone();
                        tracker.spawn(async move { token.run_until_cancelled(parked()).await });
                    }
                    settle(n).await;
                    let start = Instant::now();
                    token.cancel();
                    tracker.close();
                    tracker.wait().await;
                    start.elapsed()
                })
            }),
        ),
        (
            "TaskGroup::cancel",
            Box::new(move |runtime: &Runtime| {
                sample(runtime, async move {
                    let mut start = Instant::now();
                    let _ = TaskGroup::scope(async |tg| {
                        for _ in 0..n {
                            drop(tg.spawn(parked()));
                        }
                        settle(n).await;
                        start = Instant::now();
                        tg.cancel();
                        Ok(())
                    })
                    .await;
                    start.elapsed()
                })
            }),
        ),
    ]
}

/// A group in a child of a group, and so on, `depth` of them.
fn nest(depth: usize) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return;
        }
        TaskGroup::scope(async |tg| {
            tg.spawn(nest(depth - 1)).await?;
            Ok(())
        })
        .await
        .unwrap();
    })
}

/// What one child costs over the size of its group, and one level over the depth of the nesting.
fn curves(flavour: &str, runtime: &Runtime, rounds: usize) {
    println!("{flavour}, one child that yields, by the size of its group");
    for n in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let times = (4_000 / n).max(1);
        let rounds = (rounds * 1_000 / n).clamp(3, rounds);
        let run = spawn_join(n, Child::Yield, times, group);
        let nanos = measure(runtime, rounds, n * times, &[("", run)]);
        println!("  {n:>9} {:>8.0} ns", nanos[0]);
    }
    println!("{flavour}, one level, by the depth of the nesting");
    for depth in [1, 2, 5, 10, 20, 50, 100] {
        let times = (1_000 / depth).max(1);
        let run = spawn_join(depth, Child::Ready, times, |depth, _| nest(depth));
        let nanos = measure(runtime, rounds, depth * times, &[("", run)]);
        println!("  {depth:>9} {:>8.0} ns", nanos[0]);
    }
}

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(100);
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let two = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (flavour, runtime) in [("current-thread", &current), ("two workers", &two)] {
        curves(flavour, runtime, rounds);
        if std::env::args().any(|arg| arg == "curves") {
            continue;
        }
        spawn_joins(flavour, runtime, rounds);
        for n in [20_000, 100_000] {
            let runs = cancel_all(n);
            let nanos = measure(runtime, (rounds / 8).max(5), n, &runs);
            show(
                &format!("{flavour}, cancel {n} parked children"),
                &runs,
                &nanos,
            );
        }
    }
}

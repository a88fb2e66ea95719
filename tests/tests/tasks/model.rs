//! Random nestings of shields, scopes, groups and child tasks, against a reference model.
//!
//! The model: the outermost shield protects itself and all that is inside it, in whatever task; all that is outside it is cut. Every
//! level that is protected finishes its body and its child, and everything that is cut has its child cancelled.

use std::{future::Future, pin::Pin, time::Duration};

use aiotools::{Outcome, TaskContext, TaskGroup, TaskScope, cancel_and_wait, catch_cancel, shield};
use tokio::time::sleep;

use super::Rng;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    Shield,
    Scope {
        shield: bool,
    },
    Group,
    /// A group whose child task holds what is inside.
    Spawned,
}

type Log = std::sync::Arc<std::sync::Mutex<Vec<String>>>;
type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn child(index: usize, log: Log) -> Result<(), aiotools::Cancelled> {
    // The further out, the longer: the child of a level that is cut is still there when that happens.
    let caught = catch_cancel(sleep(ms(10_000 - 1000 * index as u64))).await;
    let how = if caught.is_ok() {
        "completed"
    } else {
        "cancelled"
    };
    log.lock().unwrap().push(format!("child {index} {how}"));
    caught
}

fn run(levels: Vec<Level>, index: usize, log: Log) -> Boxed {
    Box::pin(async move {
        let Some(level) = levels.get(index).copied() else {
            sleep(ms(100)).await;
            return;
        };
        let inner = run(levels.clone(), index + 1, log.clone());
        let body = log.clone();
        let rest = async move {
            sleep(ms(10)).await;
            body.lock().unwrap().push(format!("body {index}"));
        };
        match level {
            Level::Shield => {
                shield(async {
                    inner.await;
                    rest.await;
                })
                .await;
            }
            Level::Scope { shield } => {
                TaskScope::builder()
                    .shield(shield)
                    .scope(async |ts| {
                        drop(ts.spawn(child(index, log.clone())));
                        inner.await;
                        rest.await;
                    })
                    .await;
            }
            Level::Group => {
                TaskGroup::scope(async |tg| {
                    drop(tg.spawn(child(index, log.clone())));
                    inner.await;
                    Ok(rest.await)
                })
                .await
                .unwrap();
            }
            Level::Spawned => {
                TaskGroup::scope(async |tg| {
                    drop(tg.spawn(child(index, log.clone())));
                    tg.spawn(inner).await?;
                    Ok(rest.await)
                })
                .await
                .unwrap();
            }
        }
    })
}

fn expected(levels: &[Level]) -> Vec<String> {
    let shields = |level: &Level| matches!(level, Level::Shield | Level::Scope { shield: true });
    let first = levels.iter().position(shields).unwrap_or(levels.len());
    let mut expected = Vec::new();
    for (index, level) in levels.iter().enumerate() {
        if index >= first {
            expected.push(format!("body {index}"));
        }
        if *level != Level::Shield {
            expected.push(format!(
                "child {index} {}",
                if index >= first {
                    "completed"
                } else {
                    "cancelled"
                }
            ));
        }
    }
    expected.sort();
    expected
}

#[test]
fn nested_shields_as_in_the_model() {
    let mut rng = Rng(0x5eed);
    for _ in 0..super::trees().min(20_000) {
        let levels: Vec<_> = (0..rng.next(7))
            .map(|_| match rng.next(6) {
                0 => Level::Shield,
                1 => Level::Scope { shield: true },
                2 => Level::Scope { shield: false },
                3 | 4 => Level::Group,
                _ => Level::Spawned,
            })
            .collect();
        let log = Log::default();
        let seen = log.clone();
        let nest = levels.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks = TaskContext::new();
            let task = tasks.spawn(async move {
                run(nest, 0, seen.clone()).await;
                sleep(ms(10)).await;
                seen.lock().unwrap().push("after".into());
            });
            sleep(ms(50)).await;
            let outcome = cancel_and_wait(&task).await;
            assert!(
                matches!(outcome, Ok(Outcome::Cancelled)),
                "{levels:?}: {outcome:?}"
            );
        });
        let mut log = log.lock().unwrap().clone();
        log.sort();
        assert_eq!(log, expected(&levels), "{levels:?}");
    }
}

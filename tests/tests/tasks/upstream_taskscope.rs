//! Scopes, shields and timeouts, scenario by scenario.

use std::sync::{Arc, Mutex};

use aiotools::{
    Outcome, TaskContext, TaskHandle, TaskScope, cancel_and_wait, catch_cancel, move_on_after,
    shield, timeout,
};

use crate::support::{Error, Log, ms, sleep};

fn tasks() -> TaskContext {
    TaskContext::with_handler(|_| {})
}

type Handles = Arc<Mutex<Vec<TaskHandle<u64>>>>;

fn outcomes(handles: &Handles) -> Vec<Outcome> {
    handles
        .lock()
        .unwrap()
        .iter_mut()
        .map(|handle| handle.outcome().unwrap())
        .collect()
}

fn three(ts: &TaskScope, handles: &Handles, second_fails: bool) {
    for (n, at) in [100, 200, 300].into_iter().enumerate() {
        handles.lock().unwrap().push(ts.spawn(async move {
            sleep(at).await;
            if second_fails && n == 1 {
                Err("two")
            } else {
                Ok(n as u64 + 1)
            }
        }));
    }
}

/// TSC-01
#[tokio::test(start_paused = true)]
async fn a_failure_stops_nobody() {
    let log = Log::default();
    TaskScope::builder()
        .ignore_errors()
        .scope(async |ts| {
            drop(ts.spawn(async {
                sleep(200).await;
                Err::<(), _>("no")
            }));
            sleep(500).await;
            log.add("body");
        })
        .await;
    log.add("after");
    assert_eq!(log.all(), ["body", "after"]);
}

/// TSC-04
#[tokio::test(start_paused = true)]
async fn a_partial_failure() {
    for shield in [false, true] {
        let (log, handles) = (Log::default(), Handles::default());
        let start = tokio::time::Instant::now();
        TaskScope::builder()
            .shield(shield)
            .ignore_errors()
            .scope(async |ts| {
                three(&ts, &handles, true);
                sleep(100).await;
                log.add("one");
                sleep(150).await;
                log.add("two");
            })
            .await;
        assert!(start.elapsed() >= ms(300));
        assert_eq!(log.all(), ["one", "two"]);
        assert_eq!(
            outcomes(&handles),
            [Outcome::Done, Outcome::Failed, Outcome::Done]
        );
    }
}

async fn scope_of_three(shield: bool, log: &Log, handles: &Handles) {
    TaskScope::builder()
        .shield(shield)
        .scope(async |ts| {
            three(&ts, handles, false);
            sleep(230).await;
            log.add("0.23");
            sleep(30).await;
            log.add("0.26");
        })
        .await;
}

/// TSC-06
#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_scope() {
    let (log, handles) = (Log::default(), Handles::default());
    assert!(
        timeout(ms(250), scope_of_three(false, &log, &handles))
            .await
            .is_err()
    );
    assert_eq!(log.all(), ["0.23"]);
    assert_eq!(
        outcomes(&handles),
        [Outcome::Done, Outcome::Done, Outcome::Cancelled]
    );

    // A dropped future cannot wait, but its children are cancelled all the same.
    let (log, handles) = (Log::default(), Handles::default());
    assert!(
        tokio::time::timeout(ms(250), scope_of_three(false, &log, &handles))
            .await
            .is_err()
    );
    sleep(1).await;
    assert_eq!(log.all(), ["0.23"]);
    assert_eq!(
        outcomes(&handles),
        [Outcome::Done, Outcome::Done, Outcome::Cancelled]
    );
}

/// TSC-07
#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_shielded_scope() {
    let (log, handles) = (Log::default(), Handles::default());
    assert!(
        timeout(ms(250), scope_of_three(true, &log, &handles))
            .await
            .is_err()
    );
    assert_eq!(log.all(), ["0.23", "0.26"]);
    assert_eq!(outcomes(&handles), [Outcome::Done; 3]);

    // No shield helps against being dropped.
    let (log, handles) = (Log::default(), Handles::default());
    assert!(
        tokio::time::timeout(ms(250), scope_of_three(true, &log, &handles))
            .await
            .is_err()
    );
    sleep(1).await;
    assert_eq!(
        outcomes(&handles),
        [Outcome::Done, Outcome::Done, Outcome::Cancelled]
    );
}

/// TSC-08
#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_scope_itself() {
    for shield in [false, true] {
        let (log, handles) = (Log::default(), Handles::default());
        let error = TaskScope::builder()
            .shield(shield)
            .timeout(ms(250))
            .scope(async |ts| {
                three(&ts, &handles, false);
                sleep(230).await;
                log.add("0.23");
                sleep(30).await;
                log.add("0.26");
            })
            .await
            .unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(log.all(), ["0.23"]);
        assert_eq!(
            outcomes(&handles),
            [Outcome::Done, Outcome::Done, Outcome::Cancelled]
        );
    }
}

/// TSC-10
#[tokio::test(start_paused = true)]
async fn moving_on() {
    let (log, handles) = (Log::default(), Handles::default());
    let moved = move_on_after(ms(250), async |ts| {
        three(&ts, &handles, false);
        sleep(230).await;
        log.add("0.23");
        sleep(30).await;
        log.add("0.26");
    })
    .await;
    log.add("after");
    assert_eq!(moved, None);
    assert_eq!(log.all(), ["0.23", "after"]);
    assert_eq!(
        outcomes(&handles),
        [Outcome::Done, Outcome::Done, Outcome::Cancelled]
    );
}

/// TSC-11
#[tokio::test(start_paused = true)]
async fn the_host_is_cancelled() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = tasks.spawn(async move {
        TaskScope::scope(async |ts| {
            for at in [80, 120, 200] {
                let seen = seen.clone();
                drop(ts.spawn(async move {
                    sleep(at).await;
                    seen.add(at.to_string());
                }));
            }
            sleep(500).await;
            seen.add("body");
        })
        .await;
        seen.add("after");
    });
    sleep(100).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    sleep(1000).await;
    assert_eq!(log.all(), ["80"]);
}

/// TSC-12
#[tokio::test(start_paused = true)]
async fn another_task_closes_the_scope() {
    let (tasks, log) = (tasks(), Log::default());
    let (seen, (send, receive)) = (log.clone(), tokio::sync::oneshot::channel());
    let host = tasks.spawn(async move {
        TaskScope::try_scope(async |ts| {
            let _ = send.send(ts.clone());
            let child = seen.clone();
            drop(ts.spawn(async move {
                let caught = catch_cancel(sleep(5000)).await;
                sleep(700).await;
                child.add("child cleanup");
                caught
            }));
            sleep(5000).await;
            seen.add("body");
        })
        .await?;
        seen.add("after");
        Ok::<_, Error>(())
    });
    let ts = receive.await.unwrap();
    sleep(100).await;
    log.add("trigger");
    ts.aclose().await;
    log.add("close done");
    assert!(host.await.unwrap_err().is_cancelled());
    assert_eq!(log.all(), ["trigger", "child cleanup", "close done"]);
    // Once more, after the end, is nothing.
    ts.aclose().await;
}

async fn level(
    shield: bool,
    child: u64,
    name: &'static str,
    log: &Log,
    inner: impl Future<Output = ()>,
) {
    let mut inner = Box::pin(inner);
    TaskScope::builder()
        .shield(shield)
        .scope(async |ts| {
            if child > 0 {
                let log = log.clone();
                drop(ts.spawn(async move {
                    let caught = catch_cancel(sleep(child)).await;
                    log.add(format!(
                        "{name} child {}",
                        if caught.is_ok() {
                            "completed"
                        } else {
                            "cancelled"
                        }
                    ));
                    caught
                }));
            }
            // By reference: each level that takes a future by value keeps room for it several times over.
            inner.as_mut().await;
            sleep(10).await;
            log.add(name);
        })
        .await;
}

async fn nested(outer: bool, inner: bool) -> Vec<String> {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = tasks.spawn(async move {
        level(
            outer,
            0,
            "outer",
            &seen,
            level(inner, 0, "inner", &seen, sleep(100)),
        )
        .await;
        sleep(10).await;
        seen.add("after");
    });
    sleep(50).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    log.all()
}

/// TSC-13
#[tokio::test(start_paused = true)]
async fn shielded_in_shielded() {
    assert_eq!(nested(true, true).await, ["inner", "outer"]);
}

/// TSC-14
#[tokio::test(start_paused = true)]
async fn unshielded_in_shielded() {
    assert_eq!(nested(true, false).await, ["inner", "outer"]);
}

/// TSC-15
#[tokio::test(start_paused = true)]
async fn shielded_in_unshielded() {
    assert_eq!(nested(false, true).await, ["inner"]);
}

/// TSC-16
#[tokio::test(start_paused = true)]
async fn five_levels() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = tasks.spawn(async move {
        let log = &seen;
        let five = level(true, 15_000, "5", log, sleep(5000));
        let four = level(false, 14_000, "4", log, five);
        let three = level(false, 13_000, "3", log, four);
        let two = level(true, 12_000, "2", log, three);
        level(false, 60_000, "1", log, two).await;
        sleep(10).await;
        log.add("0");
    });
    sleep(2500).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    for name in ["2", "3", "4", "5"] {
        assert!(log.has(name), "{:?}", log.all());
        assert!(
            log.has(&format!("{name} child completed")),
            "{:?}",
            log.all()
        );
    }
    assert!(!log.has("1") && !log.has("0"), "{:?}", log.all());
    assert!(log.has("1 child cancelled"), "{:?}", log.all());
}

/// TSC-19
#[tokio::test(start_paused = true)]
async fn a_shielded_cleanup() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let task = tasks.spawn(async move {
        let caught = catch_cancel(sleep(1000)).await;
        shield(async {
            seen.add("cleanup");
            sleep(100).await;
            seen.add("cleaned");
        })
        .await;
        caught
    });
    sleep(50).await;
    task.cancel();
    sleep(50).await;
    assert_eq!(log.all(), ["cleanup"]);
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(log.all(), ["cleanup", "cleaned"]);
}

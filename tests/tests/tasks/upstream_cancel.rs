//! `cancel_and_wait` and shields, scenario by scenario.

use aiotools::{
    CancelError, Cancelled, Outcome, TaskContext, TaskGroup, TaskScope, cancel_and_wait,
    catch_cancel, shield, task::current,
};

use crate::support::{Error, Log, OnDrop, cleans_up, sleep};

fn tasks() -> TaskContext {
    TaskContext::with_handler(|_| {})
}

/// CAN-01
#[tokio::test(start_paused = true)]
async fn a_finished_task_is_not_touched() {
    let tasks = tasks();
    let mut task = tasks.spawn(async { Ok::<_, Error>(7) });
    sleep(10).await;
    assert!(task.is_finished());
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Done);
    assert_eq!(task.outcome(), Some(Outcome::Done));
    assert_eq!(task.await.unwrap(), 7);
}

/// CAN-02
#[tokio::test(start_paused = true)]
async fn a_request_that_is_swallowed_properly() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let mut task = tasks.spawn(async move {
        seen.add("start");
        if catch_cancel(sleep(100)).await.is_err() {
            seen.add("cancelling");
            sleep(100).await;
            current().unwrap().uncancel();
            seen.add("swallowed");
        }
        Ok::<_, Error>(())
    });
    sleep(50).await;
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Done);
    assert_eq!(log.all(), ["start", "cancelling", "swallowed"]);
    assert_eq!(task.outcome(), Some(Outcome::Done));
}

/// CAN-03
#[tokio::test(start_paused = true)]
async fn a_request_that_is_swallowed_without_saying_so() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let mut task = tasks.spawn(async move {
        let _ = catch_cancel(sleep(100)).await;
        sleep(100).await;
        seen.add("cleaned");
    });
    sleep(50).await;
    assert!(matches!(
        cancel_and_wait(&task).await,
        Err(CancelError::NotHonoured)
    ));
    assert!(log.has("cleaned"));
    assert_eq!(task.outcome(), Some(Outcome::Done));
}

/// CAN-04
#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_passes_one_more_request_on() {
    let (tasks, log) = (tasks(), Log::default());
    let (seen, seen_outer) = (log.clone(), log.clone());
    let inner = tasks.spawn(async move {
        let _guard = OnDrop(seen.clone(), "inner ended");
        let _ = catch_cancel(sleep(1000)).await;
        seen.add("inner cancelling");
        sleep(100).await;
        seen.add("inner cleaned");
    });
    let outer = tasks.spawn(async move {
        let caught = catch_cancel(cancel_and_wait(&inner)).await;
        seen_outer.add("outer cleanup");
        sleep(10).await;
        assert!(inner.is_finished());
        caught.map(|_| ())
    });
    sleep(50).await;
    assert_eq!(cancel_and_wait(outer).await.unwrap(), Outcome::Cancelled);
    assert_eq!(
        log.all(),
        ["inner cancelling", "inner ended", "outer cleanup"]
    );
}

/// CAN-05
#[tokio::test(start_paused = true)]
async fn a_long_cleanup_is_waited_for() {
    let (tasks, log) = (tasks(), Log::default());
    let task = tasks.spawn(cleans_up(log.clone(), 1000, 100));
    sleep(50).await;
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert!(task.await.unwrap_err().is_cancelled());
}

/// CAN-06
#[tokio::test(start_paused = true)]
async fn a_shield_in_the_middle_of_a_task() {
    for (at, expected) in [
        (50, vec![]),
        (150, vec!["shielded"]),
        (250, vec!["shielded", "after"]),
    ] {
        let (tasks, log) = (tasks(), Log::default());
        let seen = log.clone();
        let mut task = tasks.spawn(async move {
            sleep(100).await;
            let value = shield(async {
                sleep(100).await;
                seen.add("shielded");
                42
            })
            .await;
            assert_eq!(value, 42);
            sleep(10).await;
            seen.add("after");
            sleep(90).await;
            seen.add("end");
        });
        sleep(at).await;
        assert_eq!(
            cancel_and_wait(&task).await.unwrap(),
            Outcome::Cancelled,
            "at {at}"
        );
        assert_eq!(log.all(), expected, "at {at}");
        assert_eq!(task.outcome(), Some(Outcome::Cancelled));
    }
}

/// CAN-07
#[tokio::test(start_paused = true)]
async fn a_shield_does_not_hold_back_what_comes_from_inside() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let task = tasks.spawn(async move {
        shield(async {
            sleep(10).await;
            Err::<(), _>(Cancelled::default())?;
            seen.add("rest of the shield");
            Ok::<_, Cancelled>(())
        })
        .await?;
        seen.add("after");
        Ok::<_, Cancelled>(())
    });
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(log.all().is_empty());
}

fn group_with_cleanup(tasks: &TaskContext, log: &Log, cleanup: u64) -> aiotools::TaskHandle<()> {
    let log = log.clone();
    tasks.spawn(async move {
        TaskGroup::scope(async |tg| {
            drop(tg.spawn(cleans_up(log.clone(), 1000, cleanup)));
            sleep(5000).await;
            log.add("body");
            Ok(())
        })
        .await?;
        log.add("after");
        Ok::<_, Error>(())
    })
}

/// CAN-09
#[tokio::test(start_paused = true)]
async fn somebody_else_cancels_it_too() {
    let (tasks, log) = (tasks(), Log::default());
    let task = group_with_cleanup(&tasks, &log, 100);
    sleep(100).await;
    let result = tokio::join!(cancel_and_wait(&task), async {
        sleep(50).await;
        task.cancel();
    })
    .0;
    assert!(
        matches!(
            result,
            Err(CancelError::AlsoCancelledElsewhere { requests: 2 })
        ),
        "{result:?}"
    );
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert!(task.await.unwrap_err().is_cancelled());
}

/// CAN-10
#[tokio::test(start_paused = true)]
async fn the_body_of_a_group_cancels_itself() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let mut task = tasks.spawn(async move {
        TaskGroup::scope(async |tg| {
            drop(tg.spawn(cleans_up(seen.clone(), 1000, 10)));
            sleep(200).await;
            Err::<(), Error>(Cancelled::default().into())
        })
        .await
    });
    sleep(300).await;
    assert_eq!(task.outcome(), Some(Outcome::Cancelled));
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert!(cancel_and_wait(&task).await.is_ok());
}

/// CAN-11
#[tokio::test(start_paused = true)]
async fn the_only_canceller_of_a_group() {
    let (tasks, log) = (tasks(), Log::default());
    let mut task = group_with_cleanup(&tasks, &log, 0);
    sleep(100).await;
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert_eq!(task.outcome(), Some(Outcome::Cancelled));
}

fn failing_group(tasks: &TaskContext, log: &Log, cleanup: u64) -> aiotools::TaskHandle<()> {
    let log = log.clone();
    tasks.spawn(async move {
        TaskGroup::scope(async |tg| {
            drop(tg.spawn_named("failing", async {
                sleep(100).await;
                Err::<(), _>("zero division")
            }));
            drop(tg.spawn(cleans_up(log.clone(), 5000, cleanup)));
            Ok(())
        })
        .await
    })
}

/// CAN-12
#[tokio::test(start_paused = true)]
async fn a_group_that_has_failed_before() {
    let (tasks, log) = (tasks(), Log::default());
    let task = failing_group(&tasks, &log, 0);
    sleep(150).await;
    assert!(cancel_and_wait(&task).await.is_ok());
    let error = task.await.unwrap_err();
    let group = error.downcast_ref::<aiotools::TaskGroupError>().unwrap();
    assert_eq!(group.errors().len(), 1);
    assert_eq!(group.errors()[0].name(), "failing");
    assert!(!group.is_cancelled());
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// CAN-13
#[tokio::test(start_paused = true)]
async fn a_group_that_is_failing() {
    let (tasks, log) = (tasks(), Log::default());
    let task = failing_group(&tasks, &log, 500);
    sleep(150).await;
    assert_eq!(log.all(), ["cancelled"]);
    let Err(CancelError::Failed(error)) = cancel_and_wait(&task).await else {
        panic!("no failure")
    };
    assert_eq!(
        error
            .downcast_ref::<aiotools::TaskGroupError>()
            .unwrap()
            .errors()
            .len(),
        1
    );
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// CAN-15
#[tokio::test(start_paused = true)]
async fn a_group_that_is_cancelled_before_its_child_fails() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let task = tasks.spawn(async move {
        TaskGroup::scope(async |tg| {
            drop(tg.spawn(async {
                sleep(200).await;
                Err::<(), _>("late")
            }));
            sleep(500).await;
            seen.add("body");
            Ok(())
        })
        .await?;
        seen.add("after");
        Ok::<_, Error>(())
    });
    sleep(100).await;
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert!(log.all().is_empty());
}

fn failing_scope(
    tasks: &TaskContext,
    log: &Log,
    sibling: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> aiotools::TaskHandle<()> {
    let handled = log.clone();
    tasks.spawn_named("host", async move {
        TaskScope::builder()
            .on_error(move |err| handled.add(err.to_string()))
            .scope(async |ts| {
                drop(ts.spawn_named("one", async {
                    sleep(100).await;
                    Err::<(), _>("first")
                }));
                drop(ts.spawn_named("two", sibling));
            })
            .await;
    })
}

/// CAN-16
#[tokio::test(start_paused = true)]
async fn a_scope_goes_on_after_a_failure() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = failing_scope(
        &tasks,
        &log,
        async move { Ok(cleans_up(seen, 5000, 0).await?) },
    );
    sleep(150).await;
    assert!(!host.is_finished());
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    assert_eq!(
        log.all(),
        ["task `one` failed: first", "cancelled", "cleaned"]
    );
}

/// CAN-17
#[tokio::test(start_paused = true)]
async fn a_scope_with_a_long_cleanup() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = failing_scope(&tasks, &log, async move {
        Ok(cleans_up(seen, 5000, 500).await?)
    });
    sleep(150).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    assert_eq!(
        log.all(),
        ["task `one` failed: first", "cancelled", "cleaned"]
    );
}

/// CAN-18
#[tokio::test(start_paused = true)]
async fn a_scope_whose_cleanup_fails() {
    let (tasks, log) = (tasks(), Log::default());
    let host = failing_scope(&tasks, &log, async move {
        if catch_cancel(sleep(5000)).await.is_err() {
            sleep(100).await;
            return Err("second".into());
        }
        Ok(())
    });
    sleep(150).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Cancelled);
    assert_eq!(
        log.all(),
        ["task `one` failed: first", "task `two` failed: second"]
    );
}

/// CAN-20
#[tokio::test(start_paused = true)]
async fn a_task_that_is_cancelled_before_it_runs_never_does() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let task = tasks.spawn(async move { seen.add("ran") });
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert!(log.all().is_empty());
    assert!(task.await.unwrap_err().is_cancelled());
}

/// CAN-21
#[tokio::test(start_paused = true)]
async fn many_at_once() {
    // 0: running, 1: done, 2: failed
    for mix in [
        vec![0, 0, 0],
        vec![1, 1, 1],
        vec![1, 0, 1, 0],
        vec![0, 2, 1],
    ] {
        let (tasks, log) = (tasks(), Log::default());
        let mut handles: Vec<_> = mix
            .iter()
            .map(|kind| {
                let (kind, log) = (*kind, log.clone());
                tasks.spawn(async move {
                    match kind {
                        0 => cleans_up(log, 1000, 100).await.map_err(Error::from),
                        1 => Ok(()),
                        _ => Err(Error::from("failed")),
                    }
                })
            })
            .collect();
        sleep(50).await;
        let before = tokio::time::Instant::now();
        assert_eq!(cancel_and_wait(&handles).await.unwrap().len(), mix.len());
        assert!(
            before.elapsed().as_millis() < 150,
            "all are cancelled at once"
        );
        let running = mix.iter().filter(|kind| **kind == 0).count();
        assert_eq!(log.count("cleaned"), running);
        for (kind, handle) in mix.iter().zip(&mut handles) {
            let expected = [Outcome::Cancelled, Outcome::Done, Outcome::Failed][*kind as usize];
            assert_eq!(handle.outcome(), Some(expected));
        }
    }
}

/// CAN-22
#[tokio::test(start_paused = true)]
async fn cancelling_a_canceller() {
    let (tasks, log) = (tasks(), Log::default());
    let t1 = tasks.spawn(cleans_up(log.clone(), 1000, 100));
    sleep(10).await;
    let (first, after) = tokio::sync::oneshot::channel();
    let mut t2 = tasks.spawn(async move {
        let _ = cancel_and_wait(&t1).await;
        let _ = first.send(());
    });
    sleep(50).await;
    assert_eq!(cancel_and_wait(&t2).await.unwrap(), Outcome::Cancelled);
    assert_eq!(t2.outcome(), Some(Outcome::Cancelled));
    assert!(after.await.is_err(), "the code after the wait does not run");
    assert_eq!(
        log.all(),
        ["cancelled"],
        "the cleanup was started, and not finished"
    );
    assert!(tasks.is_empty());
}

/// CAN-24
#[tokio::test(start_paused = true)]
async fn a_shielded_scope_as_the_whole_body() {
    let (tasks, log) = (tasks(), Log::default());
    let seen = log.clone();
    let host = tasks.spawn(async move {
        TaskScope::builder()
            .shield(true)
            .ignore_errors()
            .scope(async |ts| {
                let one = ts.spawn(async {
                    sleep(100).await;
                    Ok::<_, Error>(1)
                });
                let two = ts.spawn(async {
                    sleep(200).await;
                    Err::<i32, Error>("two".into())
                });
                let three = ts.spawn(async {
                    sleep(300).await;
                    Ok::<_, Error>(3)
                });
                for handle in [one, two, three] {
                    seen.add(match handle.await {
                        Ok(value) => value.to_string(),
                        Err(error) => format!("{}", error.is_failed()),
                    });
                }
            })
            .await;
    });
    sleep(250).await;
    assert_eq!(cancel_and_wait(&host).await.unwrap(), Outcome::Done);
    assert_eq!(log.all(), ["1", "true", "3"]);
}

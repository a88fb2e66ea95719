//! Two phases, reasons, self-cancellation, regions in odd places.

use aiotools::{
    CancelError, Outcome, TaskContext, TaskGroup, TaskScope, cancel_and_wait, cancelled,
    catch_cancel, is_cancelled, shield, task::current,
};

use crate::support::{Error, Log, OnDrop, ms, sleep};

#[tokio::test(start_paused = true)]
async fn a_grace_lets_children_wind_down() {
    let log = Log::default();
    let start = tokio::time::Instant::now();
    let error = TaskGroup::builder()
        .grace(ms(100))
        .scope(async |tg| {
            let seen = log.clone();
            drop(tg.spawn(async move {
                let reason = cancelled().await;
                assert!(is_cancelled());
                sleep(50).await;
                seen.add(format!("wound down: {reason}"));
            }));
            let seen = log.clone();
            drop(tg.spawn(async move {
                let _guard = OnDrop(seen, "cut");
                sleep(10_000).await;
            }));
            sleep(10).await;
            tg.cancel_with("closing");
            sleep(10_000).await;
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(log.all(), ["wound down: closing", "cut"]);
    assert_eq!(start.elapsed(), ms(110));
}

#[tokio::test(start_paused = true)]
async fn a_group_ends_early_when_all_wind_down_within_the_grace() {
    let start = tokio::time::Instant::now();
    let _ = TaskGroup::builder()
        .grace(ms(1000))
        .timeout(ms(10))
        .scope(async |tg| {
            for _ in 0..3 {
                drop(tg.spawn(async {
                    cancelled().await;
                }));
            }
            Ok(())
        })
        .await;
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn the_grace_of_a_single_child() {
    let log = Log::default();
    TaskGroup::builder()
        .grace(ms(100))
        .scope(async |tg| {
            let seen = log.clone();
            let child = tg.spawn(async move {
                let _guard = OnDrop(seen, "cut");
                sleep(10_000).await;
            });
            sleep(10).await;
            let start = tokio::time::Instant::now();
            assert_eq!(cancel_and_wait(&child).await.unwrap(), Outcome::Cancelled);
            assert_eq!(start.elapsed(), ms(100));
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(log.all(), ["cut"]);
}

/// The soft phase reaches groups inside the child.
#[tokio::test(start_paused = true)]
async fn a_grace_reaches_grandchildren() {
    let log = Log::default();
    let _ = TaskGroup::builder()
        .grace(ms(100))
        .scope(async |tg| {
            let seen = log.clone();
            drop(tg.spawn(async move {
                TaskGroup::scope(async |tg| {
                    drop(tg.spawn(async move {
                        cancelled().await;
                        sleep(50).await;
                        seen.add("grandchild");
                    }));
                    Ok(())
                })
                .await
            }));
            sleep(10).await;
            tg.cancel();
            Ok(())
        })
        .await;
    assert_eq!(log.all(), ["grandchild"]);
}

#[tokio::test(start_paused = true)]
async fn the_reason_arrives() {
    let tasks = TaskContext::new();
    let task = tasks.spawn(async {
        let caught = catch_cancel(sleep(1000)).await.unwrap_err();
        Ok::<_, Error>(caught.reason().to_string())
    });
    sleep(1).await;
    task.cancel_with("because");
    assert_eq!(task.await.unwrap(), "because");

    let task = tasks.spawn(sleep(1000));
    sleep(1).await;
    let _ = aiotools::cancel_and_wait_with(&task, "told").await;
    assert_eq!(task.await.unwrap_err().cancel_reason().unwrap(), "told");

    let many: Vec<_> = (0..3).map(|_| tasks.spawn(sleep(1000))).collect();
    sleep(1).await;
    aiotools::cancel_and_wait_with(&many, "all told")
        .await
        .unwrap();
    for task in many {
        assert_eq!(task.await.unwrap_err().cancel_reason().unwrap(), "all told");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_oneself_is_refused() {
    TaskScope::scope(async |ts| {
        let (send, receive) = tokio::sync::oneshot::channel::<aiotools::TaskHandle<()>>();
        let task = ts.spawn(async move {
            let own = receive.await.unwrap();
            assert!(matches!(
                cancel_and_wait(&own).await,
                Err(CancelError::SelfCancel)
            ));
            assert_eq!(current().unwrap().cancelling(), 0);
            // From inside a group in the task it is the same.
            TaskGroup::scope(async |tg| {
                tg.spawn(async move {
                    assert!(cancel_and_wait(&own).await.unwrap_err().is_self_cancel());
                })
                .await?;
                Ok(())
            })
            .await
            .unwrap();
        });
        let _ = send.send(task);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_that_wait_for_each_other_are_found_out() {
    let log = Log::default();
    let tasks = TaskContext::new();
    let (send_b, b) = tokio::sync::oneshot::channel::<aiotools::TaskHandle<()>>();
    let (send_a, a) = tokio::sync::oneshot::channel::<aiotools::TaskHandle<()>>();
    let seen = log.clone();
    let first = tasks.spawn(async move {
        let b = b.await.unwrap();
        let result = shield(cancel_and_wait(&b)).await;
        seen.add(format!(
            "a: {}",
            matches!(result, Err(CancelError::SelfCancel))
        ));
    });
    let seen = log.clone();
    let second = tasks.spawn(async move {
        let a = a.await.unwrap();
        let result = shield(cancel_and_wait(&a)).await;
        seen.add(format!(
            "b: {}",
            matches!(result, Err(CancelError::SelfCancel))
        ));
    });
    // Both have begun.
    sleep(1).await;
    let _ = send_a.send(first);
    let _ = send_b.send(second);
    aiotools::timeout(ms(1000), tasks.join()).await.unwrap();
    assert!(log.has("a: true") || log.has("b: true"), "{:?}", log.all());
}

/// Also where one of them waits for others as well, all at once or side by side.
#[tokio::test(start_paused = true)]
async fn two_that_wait_for_each_other_among_others_are_found_out() {
    for at_once in [true, false] {
        let log = Log::default();
        let tasks = TaskContext::new();
        let (send, receive) = tokio::sync::oneshot::channel::<aiotools::TaskHandle<()>>();
        let seen = log.clone();
        let turns = tasks.spawn(async move {
            let caught = catch_cancel(sleep(1000)).await;
            sleep(10).await; // one of the others has ended
            let result = cancel_and_wait(&receive.await.unwrap()).await;
            seen.add(format!("{result:?}"));
            caught
        });
        let [short, long] = [5, 100].map(|ms| tasks.spawn(shield(sleep(ms))));
        let waiter = tasks.spawn(async move {
            sleep(1).await;
            if at_once {
                let _ = cancel_and_wait([turns, short, long]).await;
            } else {
                let all = [turns, short, long].map(cancel_and_wait);
                let _ = futures::future::join_all(all).await;
            }
        });
        let _ = send.send(waiter);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        sleep(20).await;
        assert_eq!(log.all(), ["Err(SelfCancel)"], "at once: {at_once}");
    }
}

/// Also where it is a child of the one that waits, and its end that of its task.
#[tokio::test(start_paused = true)]
async fn a_wait_for_the_task_around_who_waits_is_found_out() {
    let log = Log::default();
    let tasks = TaskContext::new();
    let (send, receive) = tokio::sync::oneshot::channel::<aiotools::TaskHandle<()>>();
    let seen = log.clone();
    let turns = tasks.spawn(async move {
        let caught = catch_cancel(sleep(1000)).await;
        let result = cancel_and_wait(&receive.await.unwrap()).await;
        seen.add(format!("{result:?}"));
        caught
    });
    let around = tasks.spawn(TaskScope::scope(async |ts| {
        sleep(1).await;
        drop(ts.spawn(async { drop(cancel_and_wait(turns).await) }));
    }));
    let _ = send.send(around);
    sleep(100).await;
    assert_eq!(log.all(), ["Err(SelfCancel)"]);
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_and_taken_back() {
    let tasks = TaskContext::new();
    let task = tasks.spawn(shield(sleep(100)));
    sleep(1).await;
    task.cancel();
    task.cancel();
    assert_eq!(task.cancelling(), 2);
    assert_eq!(task.uncancel(), 1);
    assert_eq!(task.uncancel(), 0);
    assert_eq!(task.uncancel(), 0);
    // None is left to be delivered.
    task.await.unwrap();

    // Several before delivery are one delivery.
    let log = Log::default();
    let seen = log.clone();
    let task = tasks.spawn(async move {
        let _ = catch_cancel(sleep(1000)).await;
        seen.add("caught");
        sleep(10).await;
        seen.add("cleaned");
    });
    sleep(1).await;
    task.cancel();
    task.cancel();
    sleep(50).await;
    assert_eq!(log.all(), ["caught", "cleaned"]);
}

/// A region that is polled by a waker of its own still hears of it.
#[tokio::test(start_paused = true)]
async fn a_region_inside_a_join() {
    let log = Log::default();
    let tasks = TaskContext::new();
    let seen = log.clone();
    let task = tasks.spawn(async move {
        let many = (0..40).map(|n| {
            let seen = seen.clone();
            async move {
                if n == 7 {
                    let caught = catch_cancel(sleep(1000)).await;
                    seen.add("caught");
                    sleep(10).await;
                    seen.add("cleaned");
                    caught
                } else {
                    Ok(())
                }
            }
        });
        futures::future::join_all(many)
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map(drop)
    });
    sleep(10).await;
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert_eq!(log.all(), ["caught", "cleaned"]);
}

/// A region that is open but not being polled holds up nobody.
#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_polled() {
    let tasks = TaskContext::new();
    let task = tasks.spawn(async {
        let mut region = std::pin::pin!(catch_cancel(sleep(100_000)));
        tokio::select! {
            _ = &mut region => {}
            () = sleep(10) => {}
        }
        sleep(100_000).await;
    });
    sleep(50).await;
    let start = tokio::time::Instant::now();
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Cancelled);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn cancelling_oneself() {
    let log = Log::default();
    let seen = log.clone();
    let tasks = TaskContext::new();
    let task = tasks.spawn(async move {
        current().unwrap().cancel();
        seen.add("before the suspension");
        sleep(1).await;
        seen.add("after");
    });
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(log.all(), ["before the suspension"]);
}

/// Outside of every task of the library all this is inert.
#[tokio::test(start_paused = true)]
async fn outside_of_all_tasks() {
    assert_eq!(catch_cancel(async { 1 }).await.unwrap(), 1);
    assert_eq!(shield(async { 2 }).await, 2);
    assert!(current().is_none() && !is_cancelled());
    assert!(tokio::time::timeout(ms(10), cancelled()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_refuses_to_end_is_waited_for() {
    let tasks = TaskContext::new();
    let task = tasks.spawn(async {
        while catch_cancel(sleep(100)).await.is_err() {
            current().unwrap().uncancel();
        }
    });
    sleep(1).await;
    let start = tokio::time::Instant::now();
    assert_eq!(cancel_and_wait(&task).await.unwrap(), Outcome::Done);
    assert_eq!(start.elapsed(), ms(100));
}

/// From another thread, while the child is running for the first time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_at_any_moment() {
    for round in 0..2000 {
        let tasks = TaskContext::new();
        let task = tasks.spawn(async move {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            if round % 2 == 0 {
                std::future::pending::<()>().await;
            }
        });
        for _ in 0..round % 7 {
            tokio::task::yield_now().await;
        }
        cancel_and_wait(&task).await.unwrap();
        assert!(task.is_finished());
        tasks.close().await;
    }
}

/// What has not begun when the group is asked to end never does, grace or not.
#[tokio::test(start_paused = true)]
async fn nothing_begins_in_the_grace() {
    let log = Log::default();
    let _ = TaskGroup::builder()
        .grace(ms(100))
        .max_concurrency(1)
        .scope(async |tg| {
            drop(tg.spawn(sleep(50)));
            for _ in 0..2 {
                let seen = log.clone();
                drop(tg.spawn(async move { seen.add("began") }));
            }
            sleep(10).await;
            tg.cancel();
            let seen = log.clone();
            drop(tg.spawn(async move { seen.add("began") }));
            Ok(())
        })
        .await;
    assert!(log.all().is_empty());
}

/// A task that is running sees at once that it was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_task_sees_the_request() {
    let tasks = TaskContext::new();
    let task = tasks.spawn(async {
        let start = std::time::Instant::now();
        while !is_cancelled() {
            assert!(start.elapsed().as_secs() < 20, "never heard of it");
            std::hint::spin_loop();
        }
    });
    tokio::time::sleep(ms(20)).await;
    task.cancel();
    task.await.unwrap();
}

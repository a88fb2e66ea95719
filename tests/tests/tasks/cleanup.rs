//! Cleanups that guards leave behind are waited for by whatever they were left in (G2).

use aiotools::{TaskGroup, TaskScope, catch_cancel, timeout};

use crate::support::{Error, Log, cleans_up, leave_behind, ms, sleep};

/// Leaves its cleanup behind.
struct Guard(Log);

impl Drop for Guard {
    fn drop(&mut self) {
        let log = self.0.clone();
        let cleanup = async move {
            sleep(50).await;
            log.add("cleanup");
        };
        leave_behind(cleanup);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_child_that_ends() {
    let log = Log::default();
    let guard = Guard(log.clone());
    TaskGroup::scope(async |tg| {
        let child = tg.spawn_named("child", async move { drop(guard) });
        child.await?;
        // The child has ended when its cleanup has.
        assert_eq!(log.all(), ["cleanup"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_a_child_that_is_cancelled() {
    let log = Log::default();
    let _ = TaskGroup::scope(async |tg| {
        let guard = Guard(log.clone());
        drop(tg.spawn(async move {
            let _guard = guard;
            sleep(1000).await;
        }));
        sleep(1).await;
        tg.cancel();
        Ok(())
    })
    .await;
    assert_eq!(log.all(), ["cleanup"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_child_that_panics_or_never_ran() {
    for cancel_first in [false, true] {
        let log = Log::default();
        let _ = TaskGroup::scope(async |tg| {
            let guard = Guard(log.clone());
            let child = tg.spawn(async move {
                let _guard = guard;
                panic!("in a child");
            });
            if cancel_first {
                child.cancel();
            }
            Ok(())
        })
        .await;
        assert_eq!(log.all(), ["cleanup"]);
    }
}

#[tokio::test(start_paused = true)]
async fn in_the_body() {
    let log = Log::default();
    TaskGroup::scope(async |_| {
        drop(Guard(log.clone()));
        log.add("body");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["body", "cleanup"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_group_that_times_out() {
    let log = Log::default();
    let error = TaskGroup::builder()
        .timeout(ms(10))
        .scope(async |_| {
            let _guard = Guard(log.clone());
            sleep(1000).await;
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(log.all(), ["cleanup"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_nested_scope_whose_future_is_dropped() {
    let log = Log::default();
    TaskGroup::scope(async |_| {
        let inner = TaskScope::scope(async |ts| {
            let guard = Guard(log.clone());
            drop(ts.spawn(async move {
                let _guard = guard;
                sleep(1000).await;
            }));
            let _guard = Guard(log.clone());
            sleep(1000).await;
        });
        assert!(tokio::time::timeout(ms(10), inner).await.is_err());
        log.add("body");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["body", "cleanup", "cleanup"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_region_and_in_a_timeout() {
    let log = Log::default();
    TaskScope::scope(async |ts| {
        let seen = log.clone();
        let task = ts.spawn(async move {
            let caught = catch_cancel(async {
                let _guard = Guard(seen.clone());
                sleep(1000).await;
            })
            .await;
            seen.add("caught");
            caught
        });
        sleep(1).await;
        task.cancel();
    })
    .await;
    assert_eq!(log.all(), ["cleanup", "caught"]);

    let log = Log::default();
    let late = timeout(ms(10), async {
        let _guard = Guard(log.clone());
        sleep(1000).await;
    })
    .await;
    log.add("late");
    assert!(late.is_err());
    assert_eq!(log.all(), ["cleanup", "late"]);
}

/// Nothing cancels a cleanup, and what it starts is waited for in its turn.
#[tokio::test(start_paused = true)]
async fn a_cleanup_with_a_group_in_it() {
    struct Deep(Log);
    impl Drop for Deep {
        fn drop(&mut self) {
            let log = self.0.clone();
            let cleanup = async move {
                TaskGroup::scope(async |tg| {
                    let log = log.clone();
                    drop(tg.spawn(async move {
                        sleep(50).await;
                        log.add("child of the cleanup");
                    }));
                    Ok(())
                })
                .await
                .unwrap();
                drop(Guard(log));
            };
            leave_behind(cleanup);
        }
    }
    let log = Log::default();
    let _ = TaskGroup::scope(async |tg| {
        let deep = Deep(log.clone());
        drop(tg.spawn(async move {
            let _deep = deep;
            sleep(1000).await;
        }));
        sleep(1).await;
        Err::<(), Error>("fail".into())
    })
    .await;
    assert_eq!(log.all(), ["child of the cleanup", "cleanup"]);
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_that_panics_is_waited_for() {
    TaskGroup::scope(async |_| {
        leave_behind(async { panic!("in a cleanup") });
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_waits_for_its_cleanup_before_cancel_and_wait_returns() {
    let log = Log::default();
    TaskScope::scope(async |ts| {
        let guard = Guard(log.clone());
        let seen = log.clone();
        let task = ts.spawn(async move {
            let _guard = guard;
            cleans_up(seen, 1000, 10).await
        });
        sleep(1).await;
        aiotools::cancel_and_wait(&task).await.unwrap();
        log.add("returned");
    })
    .await;
    assert_eq!(log.all(), ["cancelled", "cleaned", "cleanup", "returned"]);
}

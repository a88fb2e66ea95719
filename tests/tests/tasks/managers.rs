//! Guards and scopes of real managers, wherever they are dropped in a group: the group waits for their cleanup (G2), which runs once
//! (G1) and is told why.

use aiotools::{Exit, TaskGroup, TaskScope, actxmgr, cancel_and_wait, catch_cancel, timeout};
use aiotools_tests::reports::{Kind, keep_reports, kinds};
use tokio::{runtime::Builder, task::LocalSet};

use crate::support::{Error, Log, drained, ms, sleep};

/// Logs what it was resumed with, and once more when its cleanup of 50 ms is done.
#[actxmgr]
async fn resource(log: Log) {
    let exit = yield_!();
    log.add(exit.to_string());
    sleep(50).await;
    log.add("cleaned");
}

#[actxmgr(local)]
async fn local(log: Log) {
    let exit = yield_!();
    log.add(exit.to_string());
    sleep(50).await;
    log.add("cleaned");
}

#[actxmgr(scoped)]
async fn scoped(log: &Log) {
    log.add(yield_!().to_string());
    sleep(50).await;
    log.add("cleaned");
}

const CANCELLED: [&str; 2] = ["cancelled", "cleaned"];

async fn hold(log: Log) {
    let _guard = resource(log).await;
    sleep(1000).await;
}

/// An `exit` that is waited for is no drop.
#[tokio::test(start_paused = true)]
async fn a_guard_that_is_left_in_a_child() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let seen = log.clone();
        drop(tg.spawn(async move { resource(seen).await.exit().await }));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["completed", "cleaned"]);
}

#[tokio::test(start_paused = true)]
async fn a_guard_dropped_in_a_child() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let seen = log.clone();
        let child = tg.spawn(async move {
            drop(resource(seen.clone()).await);
            seen.add("child");
        });
        child.await?;
        // A child has ended when its cleanups have.
        assert_eq!(log.all(), ["child", "cancelled", "cleaned"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guard_dropped_in_the_body() {
    let log = Log::default();
    TaskGroup::scope(async |_| {
        drop(resource(log.clone()).await);
        log.add("body");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["body", "cancelled", "cleaned"]);
}

/// The scope waits, not only the group around it.
#[tokio::test(start_paused = true)]
async fn a_guard_dropped_in_a_nested_scope() {
    let log = Log::default();
    TaskGroup::scope(async |_| {
        TaskScope::scope(async |_| drop(resource(log.clone()).await)).await;
        log.add("after the scope");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["cancelled", "cleaned", "after the scope"]);
}

#[tokio::test(start_paused = true)]
async fn the_group_is_cancelled() {
    let log = Log::default();
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(hold(log.clone())));
        let _guard = resource(log.clone()).await;
        sleep(10).await;
        tg.cancel();
        Ok(sleep(1000).await)
    })
    .await
    .unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!((log.count("cancelled"), log.count("cleaned")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_sibling_fails() {
    let log = Log::default();
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(hold(log.clone())));
        drop(tg.spawn(async { Err::<(), _>(sleep(10).await).map_err(|()| "failed") }));
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(error.errors().len(), 1);
    assert_eq!(log.all(), CANCELLED);
}

#[tokio::test(start_paused = true)]
async fn the_group_times_out() {
    let log = Log::default();
    let start = tokio::time::Instant::now();
    let error = TaskGroup::builder()
        .timeout(ms(10))
        .scope(async |tg| {
            drop(tg.spawn(hold(log.clone())));
            Ok(hold(log.clone()).await)
        })
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!((log.count("cancelled"), log.count("cleaned")), (2, 2));
    assert_eq!(start.elapsed(), ms(60));
}

#[tokio::test(start_paused = true)]
async fn the_future_of_the_group_is_dropped_in_a_group() {
    let log = Log::default();
    TaskGroup::scope(async |_| {
        let inner = TaskGroup::scope(async |tg| {
            drop(tg.spawn(hold(log.clone())));
            Ok(hold(log.clone()).await)
        });
        assert!(tokio::time::timeout(ms(10), inner).await.is_err());
        assert_eq!(log.count("cleaned"), 0);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!((log.count("cancelled"), log.count("cleaned")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn the_future_of_the_group_is_dropped_in_nothing() {
    let log = Log::default();
    let group = TaskGroup::scope(async |tg| {
        drop(tg.spawn(hold(log.clone())));
        Ok(hold(log.clone()).await)
    });
    assert!(tokio::time::timeout(ms(10), group).await.is_err());
    drained().await;
    assert_eq!((log.count("cancelled"), log.count("cleaned")), (2, 2));
}

/// The `async with` form: its future is dropped with the child.
#[tokio::test(start_paused = true)]
async fn a_scope_of_a_manager_in_a_child_that_is_cancelled() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let child = tg.spawn(resource(log.clone()).scope(async |()| sleep(1000).await));
        sleep(10).await;
        cancel_and_wait(&child).await.unwrap();
        assert_eq!(log.all(), CANCELLED);
        Ok(())
    })
    .await
    .unwrap();
}

/// A body that catches the request ends by itself, and the cleanup, which is not cut again, is told of no cancellation.
#[tokio::test(start_paused = true)]
async fn a_scope_of_a_manager_around_a_region() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let scope = resource(log.clone()).scope(async |()| catch_cancel(sleep(1000)).await);
        let child = tg.spawn(scope);
        sleep(10).await;
        child.cancel();
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["completed", "cleaned"]);
}

/// The request comes while the cleanup runs: the cleanup goes on, and is waited for.
#[tokio::test(start_paused = true)]
async fn a_child_that_is_cancelled_in_its_cleanup() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let child = tg.spawn(resource(log.clone()).scope(async |()| ()));
        sleep(10).await;
        cancel_and_wait(&child).await.unwrap();
        assert_eq!(log.all(), ["completed", "cleaned"]);
        Ok(())
    })
    .await
    .unwrap();
}

/// What counts is where a guard is dropped, not where its manager was entered.
#[tokio::test(start_paused = true)]
async fn entered_outside_and_dropped_inside() {
    let log = Log::default();
    let guard = resource(log.clone()).await;
    TaskGroup::scope(async |tg| {
        drop(tg.spawn(async move { drop(guard) }));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), CANCELLED);
}

/// Dropped after its group: the group has nothing to wait for, and `drain` has.
#[tokio::test(start_paused = true)]
async fn entered_inside_and_dropped_outside() {
    let log = Log::default();
    let guard =
        TaskGroup::scope(async |tg| Ok(tg.spawn_infallible(resource(log.clone()).enter()).await?))
            .await
            .unwrap();
    assert!(log.all().is_empty());
    drop(guard);
    drained().await;
    assert_eq!(log.all(), CANCELLED);
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_a_timeout_and_in_a_region() {
    let log = Log::default();
    assert!(timeout(ms(10), hold(log.clone())).await.is_err());
    assert_eq!(log.all(), CANCELLED);
    let log = Log::default();
    TaskScope::scope(async |ts| {
        let seen = log.clone();
        let child = ts.spawn(async move {
            let caught = catch_cancel(hold(seen.clone())).await;
            seen.add("caught");
            caught
        });
        sleep(10).await;
        child.cancel();
    })
    .await;
    assert_eq!(log.all(), ["cancelled", "cleaned", "caught"]);
}

#[tokio::test(start_paused = true)]
async fn a_local_manager_in_a_group() {
    let log = Log::default();
    let error = TaskGroup::builder()
        .timeout(ms(10))
        .scope(async |_| {
            let _guard = local(log.clone()).await;
            Ok(sleep(1000).await)
        })
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(log.all(), CANCELLED);
}

/// Its cleanup goes on in the `LocalSet`, and the group waits for it there.
#[test]
fn a_local_manager_in_a_group_in_a_local_set() {
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = runtime.enable_all().build().unwrap();
        let log = Log::default();
        LocalSet::new().block_on(&runtime, async {
            TaskGroup::scope(async |_| Ok(drop(local(log.clone()).await)))
                .await
                .unwrap();
            assert_eq!(log.all(), CANCELLED);
        });
        // Also from a task of the set.
        let log = Log::default();
        let seen = log.clone();
        let set = LocalSet::new();
        set.spawn_local(async move {
            let group = TaskGroup::scope(async |_| {
                let _guard = local(seen.clone()).await;
                Ok(sleep(1000).await)
            });
            assert!(timeout(ms(10), group).await.is_err());
            seen.add("after");
        });
        runtime.block_on(set);
        assert_eq!(log.all(), ["cancelled", "cleaned", "after"]);
    }
}

/// It is polled once when it is dropped, and cannot be waited for after that.
#[tokio::test(start_paused = true)]
async fn a_scoped_manager_in_a_group() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let seen = log.clone();
        drop(tg.spawn(async move { scoped(&seen).scope(async |()| ()).await }));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["completed", "cleaned"]);
    let log = Log::default();
    let late = TaskGroup::builder()
        .timeout(ms(10))
        .scope(async |_| Ok(scoped(&log).scope(async |()| sleep(1000).await).await))
        .await;
    assert!(late.unwrap_err().is_timeout());
    assert_eq!(log.all(), ["cancelled"]);
}

/// The error of a cleanup that nobody waits for goes to the hook, once, and is not the group's failure.
#[tokio::test(start_paused = true)]
async fn an_error_of_a_cleanup_reaches_the_hook() {
    #[actxmgr]
    async fn managers_failing() -> Result<(), Error> {
        let exit = yield_!();
        assert_eq!(exit, Exit::Cancelled);
        sleep(50).await;
        Err("in the cleanup".into())
    }

    #[actxmgr]
    async fn managers_panicking() {
        yield_!();
        sleep(50).await;
        panic!("in the cleanup");
    }

    keep_reports();
    TaskGroup::scope(async |tg| {
        drop(tg.spawn(async { managers_failing().await.map(drop) }));
        drop(tg.spawn(async { drop(managers_panicking().await) }));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(kinds("managers_failing"), [(Kind::Error, Exit::Cancelled)]);
    assert_eq!(
        kinds("managers_panicking"),
        [(Kind::Panic, Exit::Cancelled)]
    );
}

/// Many at once, on threads that race each other: each is cleaned up once, before the group ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_on_several_threads() {
    #[actxmgr]
    async fn brief(log: Log) {
        yield_!();
        tokio::task::yield_now().await;
        log.add("cleaned");
    }

    for round in 0..50 {
        let log = Log::default();
        let _ = TaskGroup::scope(async |tg| {
            for child in 0..20 {
                let log = log.clone();
                drop(tg.spawn(async move {
                    let guard = brief(log).await;
                    if child % 2 == 0 {
                        tokio::task::yield_now().await;
                    } else {
                        sleep(1000).await;
                    }
                    drop(guard);
                }));
            }
            while tg.len() > 10 + round % 5 {
                tokio::task::yield_now().await;
            }
            tg.cancel();
            Ok(())
        })
        .await;
        let cleaned = log.count("cleaned");
        drained().await;
        assert_eq!(
            log.count("cleaned"),
            cleaned,
            "a cleanup outlived its group"
        );
        assert!(cleaned >= 10);
    }
}

//! Groups: what the design says beyond upstream.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aiotools::{Outcome, TaskGroup, catch_cancel};

use crate::support::{Error, Log, OnDrop, cleans_up, ms, sleep};

#[tokio::test]
async fn the_example_of_the_contract() {
    async fn fetch(n: u32) -> io::Result<u32> {
        Ok(n)
    }
    let sum = TaskGroup::scope(async |tg| {
        let a = tg.spawn(async { Ok::<_, io::Error>(1) });
        let b = tg.spawn(fetch(2));
        Ok(a.await? + b.await?)
    })
    .await
    .unwrap();
    assert_eq!(sum, 3);
}

/// G3: a failure that the body took from a handle and passes on is one failure.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once() {
    let error = TaskGroup::scope(async |tg| {
        let a = tg.spawn_named("a", async { Err::<(), _>(io::Error::other("broken")) });
        Ok(a.await?)
    })
    .await
    .unwrap_err();
    assert_eq!(error.errors().len(), 1);
    assert_eq!(error.errors()[0].name(), "a");
    assert_eq!(
        error.downcast_ref::<io::Error>().unwrap().to_string(),
        "broken"
    );
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "task `a` failed: broken"
    );
}

/// G3: all failures, in the order of occurrence, those of cleanups and of the body among them.
#[tokio::test(start_paused = true)]
async fn all_failures_in_order() {
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn_named("second", async {
            let _ = catch_cancel(sleep(1000)).await;
            sleep(10).await;
            panic!("in cleanup");
        }));
        drop(tg.spawn_named("first", async {
            sleep(100).await;
            Err::<(), _>("one")
        }));
        let _ = catch_cancel(sleep(1000)).await;
        sleep(50).await;
        Err::<(), Error>("three".into())
    })
    .await
    .unwrap_err();
    let told: Vec<_> = error.errors().iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "task `first` failed: one");
    assert_eq!(told[1], "task `second` panicked: in cleanup");
    assert!(told[2].ends_with("failed: three"), "{told:?}");
    assert!(error.errors()[1].is_panic());
    assert_eq!(error.errors()[1].panic_message(), Some("in cleanup"));
    assert!(!error.is_cancelled() && !error.is_timeout());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_body_cancels_the_children() {
    let log = Log::default();
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(cleans_up(log.clone(), 1000, 50)));
        sleep(10).await;
        Err::<(), Error>("body".into())
    })
    .await
    .unwrap_err();
    assert_eq!(error.errors().len(), 1);
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_body_goes_on_after_the_children() {
    let log = Log::default();
    let seen = log.clone();
    let panic = tokio::spawn(async move {
        TaskGroup::scope(async |tg| -> Result<(), Error> {
            drop(tg.spawn(cleans_up(seen.clone(), 1000, 50)));
            sleep(10).await;
            panic!("body")
        })
        .await
    })
    .await
    .unwrap_err();
    assert_eq!(*panic.into_panic().downcast::<&str>().unwrap(), "body");
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_the_group() {
    let log = Log::default();
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(cleans_up(log.clone(), 1000, 50)));
        let inner = tg.clone();
        drop(tg.spawn(async move {
            sleep(10).await;
            inner.cancel_with("enough");
        }));
        sleep(1000).await;
        Ok(())
    })
    .await
    .unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.cancel_reason().unwrap(), "enough");
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// The body has its value: the group was cancelled to stop the others, and that is all.
#[tokio::test(start_paused = true)]
async fn cancelling_the_group_at_the_end_of_the_body() {
    let value = TaskGroup::scope(async |tg| {
        drop(tg.spawn(std::future::pending::<()>()));
        sleep(10).await;
        tg.cancel();
        Ok(7)
    })
    .await;
    assert_eq!(value.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_the_group() {
    let log = Log::default();
    let start = tokio::time::Instant::now();
    let error = TaskGroup::builder()
        .name("slow")
        .timeout(ms(100))
        .scope(async |tg| {
            drop(tg.spawn(cleans_up(log.clone(), 1000, 50)));
            sleep(1000).await;
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(error.is_timeout() && !error.is_cancelled() && error.errors().is_empty());
    assert_eq!(error.to_string(), "task group `slow` timed out");
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert_eq!(start.elapsed(), ms(150));
}

#[tokio::test(start_paused = true)]
async fn a_limit_holds_back_starts_in_order() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let log = Log::default();
    TaskGroup::builder()
        .max_concurrency(3)
        .scope(async |tg| {
            for n in 0..10 {
                let (running, most, log) = (running.clone(), most.clone(), log.clone());
                drop(tg.spawn(async move {
                    log.add(n.to_string());
                    most.fetch_max(
                        running.fetch_add(1, Ordering::Relaxed) + 1,
                        Ordering::Relaxed,
                    );
                    sleep(10).await;
                    running.fetch_sub(1, Ordering::Relaxed);
                }));
            }
            assert_eq!(tg.len(), 10);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 3);
    assert_eq!(
        log.all(),
        (0..10).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

/// A child that waits for its start is cancelled like any other, and takes nobody's place.
#[tokio::test(start_paused = true)]
async fn cancelling_a_child_that_waits_for_its_start() {
    let log = Log::default();
    TaskGroup::builder()
        .max_concurrency(1)
        .scope(async |tg| {
            let job = |n: u32| {
                let log = log.clone();
                async move {
                    log.add(format!("start {n}"));
                    sleep(10).await;
                    log.add(format!("end {n}"));
                }
            };
            drop(tg.spawn(job(0)));
            let waiting = tg.spawn(job(1));
            drop(tg.spawn(job(2)));
            sleep(5).await;
            assert_eq!(
                aiotools::cancel_and_wait(&waiting).await.unwrap(),
                Outcome::Cancelled
            );
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(log.all(), ["start 0", "end 0", "start 2", "end 2"]);
}

/// G2: the group ends after its grandchildren.
#[tokio::test(start_paused = true)]
async fn grandchildren_are_waited_for() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let log = log.clone();
        drop(tg.spawn(async move {
            TaskGroup::scope(async |tg| {
                drop(tg.spawn(cleans_up(log.clone(), 1000, 100)));
                sleep(10).await;
                Err::<(), Error>("inner".into())
            })
            .await
        }));
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// G2: a dropped group is waited for by the one around it.
#[tokio::test(start_paused = true)]
async fn a_dropped_group_is_waited_for_by_the_one_around_it() {
    let log = Log::default();
    TaskGroup::scope(async |tg| {
        let inner = TaskGroup::scope(async |tg| {
            drop(tg.spawn(cleans_up(log.clone(), 1000, 100)));
            sleep(1000).await;
            Ok(())
        });
        assert!(tokio::time::timeout(ms(10), inner).await.is_err());
        assert_eq!(log.all(), Vec::<String>::new());
        log.add("body");
        let _ = tg.len();
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["body", "cancelled", "cleaned"]);
}

/// G2: with nothing around it, the process waits.
#[tokio::test(start_paused = true)]
async fn a_dropped_group_is_waited_for_by_the_process() {
    let log = Log::default();
    let group = TaskGroup::scope(async |tg| {
        drop(tg.spawn(cleans_up(log.clone(), 1000, 100)));
        sleep(1000).await;
        Ok(())
    });
    assert!(tokio::time::timeout(ms(10), group).await.is_err());
    assert!(aiotools::cleanup::stats().outstanding > 0);
    crate::support::drained().await;
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// G2, when the task that hosts the group is aborted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_host_leaves_nobody_behind() {
    for _ in 0..50 {
        let log = Log::default();
        let guard = log.clone();
        let (send, receive) = tokio::sync::oneshot::channel();
        let host = tokio::spawn(async move {
            TaskGroup::scope(async |tg| {
                let guard = OnDrop(guard, "child dropped");
                drop(tg.spawn(async move {
                    let _guard = guard;
                    let _ = send.send(());
                    std::future::pending::<()>().await;
                }));
                std::future::pending::<Result<(), Error>>().await
            })
            .await
        });
        receive.await.unwrap();
        host.abort();
        let _ = host.await;
        while !log.has("child dropped") {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handles_outlive_the_group() {
    let mut kept = None;
    let tg = TaskGroup::scope(async |tg| {
        kept = Some(tg.spawn(async { Ok::<_, Error>(5) }));
        Ok(tg)
    })
    .await
    .unwrap();
    let handle = kept.unwrap();
    handle.cancel();
    assert_eq!(handle.cancelling(), 0);
    assert_eq!(handle.await.unwrap(), 5);
    // G5
    let log = Log::default();
    let seen = log.clone();
    let refused = tg.spawn_named("late", async move { seen.add("ran") });
    assert_eq!(refused.name(), "late");
    assert!(refused.is_finished());
    let error = refused.await.unwrap_err();
    assert!(error.is_refused());
    assert_eq!(
        error.to_string(),
        "task `late` was refused: its group has already ended"
    );
    sleep(10).await;
    assert!(log.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn current_and_names() {
    assert!(TaskGroup::current().is_none());
    TaskGroup::builder()
        .name("outer")
        .scope(async |tg| {
            assert_eq!(TaskGroup::current().unwrap().name(), "outer");
            tg.spawn(async { assert_eq!(TaskGroup::current().unwrap().name(), "outer") })
                .await?;
            assert!(TaskGroup::current().is_some());
            Ok(())
        })
        .await
        .unwrap();
}

/// Depth costs nothing but depth.
#[tokio::test(start_paused = true)]
async fn a_hundred_levels() {
    fn level(depth: u32) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                sleep(10).await;
                return Ok(0);
            }
            Ok(TaskGroup::scope(async |tg| Ok(tg.spawn(level(depth - 1)).await? + 1)).await?)
        })
    }
    assert_eq!(level(100).await.unwrap(), 100);
    let limited = aiotools::timeout(ms(5), level(100)).await;
    assert!(limited.is_err());
    crate::support::drained().await;
}

/// A runtime that is shut down takes the children with it, and nobody waits for ever.
#[test]
fn a_runtime_that_goes_away() {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let guard = OnDrop(log.clone(), "dropped");
    // The context outlives the runtime, so it is not what ends the child.
    let (_tasks, handle) = runtime.block_on(async {
        let tasks = aiotools::TaskContext::new();
        let handle = tasks.spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        (tasks, handle)
    });
    drop(runtime);
    assert!(log.has("dropped"));
    let other = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert!(other.block_on(handle).unwrap_err().is_cancelled());
}

/// The conversion of an error is code of the user's, and may panic: that is a panic of the child.
#[tokio::test]
async fn an_error_that_panics_when_it_is_converted() {
    #[derive(Debug)]
    struct Broken;
    impl From<Broken> for aiotools::task::BoxError {
        fn from(_: Broken) -> Self {
            panic!("no such error")
        }
    }
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async { Err::<(), _>(Broken) }));
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(error.errors()[0].panic_message(), Some("no such error"));
}

//! Long-lived groups: upstream's `PersistentTaskGroup` is our `TaskContext`, as a block `TaskScope`.

use aiotools::{TaskContext, TaskGroup, TaskScope, task::dump};

use crate::support::{Error, Log, sleep};

async fn job(log: Log) {
    sleep(100).await;
    log.add("done");
}

/// PTG-01
#[tokio::test(start_paused = true)]
async fn a_context_has_its_name() {
    let tasks = TaskContext::named("XYZ");
    let child = tasks.spawn_named("ABC", async {
        assert_eq!(TaskGroup::current().unwrap().name(), "XYZ");
        assert_eq!(aiotools::task::current().unwrap().name(), "ABC");
    });
    assert_eq!((tasks.name(), child.name()), ("XYZ", "ABC"));
    child.await.unwrap();
}

/// PTG-02
#[tokio::test(start_paused = true)]
async fn all_done_and_spawn_refused_after_the_end() {
    let log = Log::default();
    let ts = TaskScope::scope(async |ts| {
        for _ in 0..10 {
            drop(ts.spawn(job(log.clone())));
        }
        assert_eq!(ts.len(), 10);
        sleep(200).await;
        assert_eq!((log.count("done"), ts.len()), (10, 0));
        ts
    })
    .await;
    assert!(ts.is_closed());
    assert!(ts.spawn(job(log.clone())).await.unwrap_err().is_refused());
    assert_eq!(log.count("done"), 10);
}

/// PTG-03
#[tokio::test(start_paused = true)]
async fn as_an_attribute_of_an_object() {
    struct Long {
        tasks: TaskContext,
        log: Log,
    }
    for (wait, expected) in [(200, 10), (0, 0)] {
        let long = Long {
            tasks: TaskContext::new(),
            log: Log::default(),
        };
        for _ in 0..10 {
            drop(long.tasks.spawn(job(long.log.clone())));
        }
        assert_eq!(long.tasks.len(), 10);
        if wait > 0 {
            sleep(wait).await;
        }
        long.tasks.close().await;
        assert_eq!((long.log.count("done"), long.tasks.len()), (expected, 0));
    }
}

/// PTG-05
#[tokio::test(start_paused = true)]
async fn the_end_of_the_block_waits() {
    let log = Log::default();
    let ts = TaskScope::scope(async |ts| {
        for _ in 0..10 {
            drop(ts.spawn(job(log.clone())));
        }
        tokio::task::yield_now().await;
        ts
    })
    .await;
    assert_eq!(log.count("done"), 10);
    ts.aclose().await;
}

/// PTG-06
#[tokio::test(start_paused = true)]
async fn closed_before_anything_started() {
    let tasks = TaskContext::new();
    let log = Log::default();
    for _ in 0..10 {
        drop(tasks.spawn(job(log.clone())));
    }
    tasks.close().await;
    assert_eq!((log.count("done"), tasks.len()), (0, 0));
    // In a block, a close from inside only asks.
    let log = Log::default();
    TaskScope::scope(async |ts| {
        for _ in 0..10 {
            drop(ts.spawn(job(log.clone())));
        }
        ts.aclose().await;
    })
    .await;
    assert_eq!(log.count("done"), 0);
}

/// PTG-07
#[tokio::test(start_paused = true)]
async fn awaiting_a_result() {
    let tasks = TaskContext::new();
    let add = |n: u32| async move {
        sleep(10).await;
        Ok::<_, Error>(n + 1)
    };
    assert_eq!(tasks.spawn(add(1)).await.unwrap(), 2);
    assert_eq!(aiotools::shield(tasks.spawn(add(2))).await.unwrap(), 3);
    let handle = tasks.spawn(add(3));
    assert_eq!(handle.await.unwrap(), 4);
    let mut handle = tasks.spawn(add(4));
    assert_eq!((&mut handle).await.unwrap(), 5);
    drop(handle);
    assert!(tasks.is_empty());
}

/// PTG-08
#[tokio::test(start_paused = true)]
async fn awaiting_a_failure_does_not_hide_it_from_the_handler() {
    let log = Log::default();
    let seen = log.clone();
    let tasks = TaskContext::with_handler(move |err| {
        seen.add(err.downcast_ref::<std::fmt::Error>().unwrap().to_string())
    });
    for n in 1..=4 {
        let error = tasks
            .spawn(async { Err::<(), _>(std::fmt::Error) })
            .await
            .unwrap_err();
        assert!(error.is::<std::fmt::Error>());
        assert_eq!(log.all().len(), n);
    }
    tasks.close().await;
    assert!(tasks.is_empty());
}

/// PTG-12
#[tokio::test(start_paused = true)]
async fn the_current_group() {
    let log = Log::default();
    TaskScope::builder()
        .name("outer")
        .scope(async |ts| {
            for _ in 0..3 {
                let log = log.clone();
                drop(ts.spawn(async move {
                    log.add(TaskGroup::current().unwrap().name());
                    TaskScope::builder()
                        .name("inner")
                        .scope(async |ts| {
                            for _ in 0..10 {
                                let log = log.clone();
                                drop(ts.spawn(async move {
                                    log.add(TaskGroup::current().unwrap().name())
                                }));
                            }
                        })
                        .await;
                }));
            }
        })
        .await;
    let all = log.all();
    assert_eq!(all.len(), 33);
    assert!(all[..3].iter().all(|name| name == "outer"), "{all:?}");
    assert!(all[3..].iter().all(|name| name == "inner"), "{all:?}");
    assert!(TaskGroup::current().is_none());
}

/// PTG-13
#[tokio::test(start_paused = true)]
async fn enumerating_live_groups() {
    TaskScope::builder()
        .name("enumerated outer")
        .scope(async |ts| {
            for _ in 0..3 {
                drop(ts.spawn(async {
                    TaskScope::builder()
                        .name("enumerated inner")
                        .scope(async |ts| drop(ts.spawn(sleep(100))))
                        .await;
                }));
            }
            sleep(50).await;
            let dump = dump();
            let groups = dump.entries().filter(|entry| {
                entry
                    .name()
                    .is_some_and(|name| name.starts_with("enumerated"))
            });
            assert_eq!(groups.count(), 4, "{dump}");
        })
        .await;
    assert!(dump().find("enumerated outer").is_none());
}

//! Fail-fast groups, scenario by scenario.

use aiotools::{Cancelled, Outcome, TaskContext, TaskGroup};

use crate::support::{Error, Log, sleep};

/// TG-01
#[tokio::test(start_paused = true)]
async fn a_group_has_its_name() {
    TaskGroup::builder()
        .name("XYZ")
        .scope(async |tg| {
            assert_eq!(tg.name(), "XYZ");
            let child = tg.spawn_named("ABC", sleep(100));
            assert_eq!(child.name(), "ABC");
            let unnamed = tg.spawn(sleep(1));
            assert!(
                unnamed.name().contains("upstream_taskgroup.rs"),
                "{}",
                unnamed.name()
            );
            Ok(())
        })
        .await
        .unwrap();
}

/// TG-02
#[tokio::test(start_paused = true)]
async fn all_children_are_done_when_the_block_ends() {
    let handles = TaskGroup::scope(async |tg| {
        Ok([300, 200, 100].map(|ms| {
            tg.spawn(async move {
                sleep(ms).await;
                Ok::<_, Error>(ms / 100)
            })
        }))
    })
    .await
    .unwrap();
    for (handle, expected) in handles.into_iter().zip([3, 2, 1]) {
        assert!(handle.is_finished());
        assert_eq!(handle.await.unwrap(), expected);
    }
}

/// TG-04
#[tokio::test(start_paused = true)]
async fn a_child_spawns_into_the_group_that_is_waiting() {
    let log = Log::default();
    let spawner = |log: Log| async move {
        sleep(10).await;
        drop(TaskGroup::current().unwrap().spawn(async move {
            sleep(50).await;
            log.add("job");
        }));
    };
    TaskGroup::scope(async |tg| Ok(drop(tg.spawn(spawner(log.clone())))))
        .await
        .unwrap();
    assert_eq!(log.count("job"), 1);

    let log = Log::default();
    TaskGroup::scope(async |tg| {
        for _ in 0..2 {
            drop(tg.spawn(spawner(log.clone())));
            let inner = log.clone();
            drop(tg.spawn(async move {
                TaskGroup::scope(async |tg| Ok(drop(tg.spawn(spawner(inner))))).await
            }));
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.count("job"), 4);
}

/// TG-05
#[tokio::test(start_paused = true)]
async fn the_body_cancels_itself() {
    let handles = std::sync::Mutex::new(Vec::new());
    let error = TaskGroup::scope(async |tg| {
        for ms in [300, 600] {
            handles.lock().unwrap().push(tg.spawn(async move {
                sleep(ms).await;
                Ok::<_, Error>(ms)
            }));
        }
        sleep(500).await;
        Err::<(), Error>(Cancelled::default().into())
    })
    .await
    .unwrap_err();
    assert!(error.is_cancelled());
    assert!(error.errors().is_empty());
    let [first, second]: [_; 2] = handles.into_inner().unwrap().try_into().unwrap();
    assert_eq!(first.await.unwrap(), 300);
    assert!(second.await.unwrap_err().is_cancelled());
}

/// TG-06
#[tokio::test(start_paused = true)]
async fn a_child_cancels_itself() {
    let (mut own, mut other) = TaskGroup::scope(async |tg| {
        let own = tg.spawn(async {
            sleep(500).await;
            Err::<(), _>(Cancelled::default())
        });
        let other = tg.spawn(async {
            sleep(600).await;
            Ok::<_, Error>(1)
        });
        Ok((own, other))
    })
    .await
    .unwrap();
    assert_eq!(own.outcome(), Some(Outcome::Cancelled));
    assert_eq!(other.outcome(), Some(Outcome::Done));
}

/// TG-08
#[tokio::test(start_paused = true)]
async fn a_failure_inside_is_no_cancellation_from_outside() {
    let tasks = TaskContext::with_handler(|_| {});
    let mut host = tasks.spawn(async {
        let error = TaskGroup::scope(async |tg| {
            drop(tg.spawn(async {
                sleep(500).await;
                Err::<(), _>("inner")
            }));
            sleep(5000).await;
            Ok(())
        })
        .await
        .unwrap_err();
        assert_eq!(error.errors().len(), 1);
        assert!(!error.is_cancelled());
        assert_eq!(aiotools::task::current().unwrap().cancelling(), 0);
        // And the task goes on as if nothing had been asked of it.
        sleep(10).await;
        Ok::<_, Error>(())
    });
    sleep(1000).await;
    assert_eq!(host.outcome(), Some(Outcome::Done));
}

/// TG-09
#[tokio::test(start_paused = true)]
async fn the_first_failure_cancels_the_rest() {
    let handles = std::sync::Mutex::new(Vec::<aiotools::TaskHandle<i32>>::new());
    let error = TaskGroup::scope(async |tg| {
        let mut handles = handles.lock().unwrap();
        handles.push(tg.spawn(async {
            sleep(300).await;
            Ok::<i32, std::io::Error>(99)
        }));
        handles.push(tg.spawn(async {
            sleep(500).await;
            Err::<i32, _>(std::io::Error::other("five"))
        }));
        handles.push(tg.spawn(async {
            sleep(700).await;
            Ok::<i32, std::io::Error>(11)
        }));
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(error.errors().len(), 1);
    assert_eq!(
        error.errors()[0]
            .downcast_ref::<std::io::Error>()
            .unwrap()
            .to_string(),
        "five"
    );
    let mut handles = handles.into_inner().unwrap();
    let outcomes: Vec<_> = handles
        .iter_mut()
        .map(|handle| handle.outcome().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        [Outcome::Done, Outcome::Failed, Outcome::Cancelled]
    );
    for _ in 0..2 {
        assert_eq!(
            handles[1]
                .result()
                .unwrap()
                .as_ref()
                .unwrap_err()
                .to_string()
                .matches("five")
                .count(),
            1
        );
    }
    assert_eq!(handles.swap_remove(0).await.unwrap(), 99);
}

/// TG-11
#[tokio::test(start_paused = true)]
async fn a_group_holds_the_live_ones_only() {
    TaskGroup::scope(async |tg| {
        for n in 0..1000 {
            drop(tg.spawn(sleep(10_000)));
            if n == 100 {
                sleep(1).await;
                assert!((10..=11).contains(&tg.len()), "{}", tg.len());
                sleep(999).await;
            } else {
                sleep(1000).await;
            }
        }
        sleep(10_000).await;
        assert_eq!(tg.len(), 0);
        Ok(())
    })
    .await
    .unwrap();
}

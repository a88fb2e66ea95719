//! Published bugs of other libraries, and faults of upstream that were found by probing it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aiotools::{TaskGroup, TaskScope, catch_cancel, gather, race, race_ok};

use crate::support::{Error, Log, cleans_up, sleep};

/// tokio #6759: a spawn that races the close is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawn_that_races_the_close() {
    for _ in 0..500 {
        let (ran, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (send, receive) = std::sync::mpsc::channel::<TaskScope>();
        let racer = tokio::task::spawn_blocking({
            let ended = ended.clone();
            let ran = ran.clone();
            move || {
                let ts = receive.recv().unwrap();
                let mut accepted = 0;
                loop {
                    let ended = ended.clone();
                    let ran = ran.clone();
                    let handle = ts.spawn(async move {
                        ran.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                    if ts.is_closed() && handle.is_finished() {
                        drop(handle);
                        return accepted;
                    }
                    accepted += 1;
                    if accepted > 200 {
                        return accepted;
                    }
                }
            }
        });
        TaskScope::scope(async |ts| {
            send.send(ts.clone()).unwrap();
            tokio::task::yield_now().await;
        })
        .await;
        let (ran_by_then, ended_by_then) =
            (ran.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert_eq!(
            ran_by_then, ended_by_then,
            "the scope ended with a child in it"
        );
        racer.await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(
            ran.load(Ordering::SeqCst),
            ran_by_then,
            "a child ran after the end"
        );
    }
}

/// cpython #155418: a child that cancels its group before its first suspension hangs it.
#[tokio::test(start_paused = true)]
async fn a_child_cancels_the_group_before_its_first_suspension() {
    let log = Log::default();
    let result = TaskGroup::scope(async |tg| {
        let group = tg.clone();
        drop(tg.spawn(async move { group.cancel() }));
        drop(tg.spawn(cleans_up(log.clone(), 1000, 0)));
        sleep(1000).await;
        Ok(())
    })
    .await;
    assert!(result.unwrap_err().is_cancelled());
}

/// tokio #6784, diom #730: `join_all` panics when one task was aborted.
#[tokio::test(start_paused = true)]
async fn joining_when_one_was_cancelled() {
    let results = gather((0..3).map(|n| async move {
        if n == 1 {
            aiotools::task::current().unwrap().cancel();
        }
        sleep(10).await;
        Ok::<_, Error>(n)
    }))
    .await;
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(results[1].as_ref().unwrap_err().is_cancelled());
}

/// anyio #1111: a cancellation that cannot be delivered burns the processor.
#[tokio::test(start_paused = true)]
async fn a_cancellation_that_is_held_back_does_not_spin() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    TaskScope::scope(async |ts| {
        let task = ts.spawn(async move {
            let mut work = std::pin::pin!(aiotools::shield(sleep(1000)));
            std::future::poll_fn(|cx| {
                counted.fetch_add(1, Ordering::Relaxed);
                work.as_mut().poll(cx)
            })
            .await;
        });
        sleep(1).await;
        task.cancel();
        drop(catch_cancel(std::future::pending::<()>()));
    })
    .await;
    assert!(polls.load(Ordering::Relaxed) < 10, "{polls:?}");
}

/// tower-resilience #369: the losers of a race go on.
#[tokio::test(start_paused = true)]
async fn the_losers_of_a_race_have_ended() {
    let log = Log::default();
    let winner = race((0..5).map(|n| {
        let log = log.clone();
        async move {
            if n == 3 {
                return Ok(n);
            }
            catch_cancel(sleep(1000)).await?;
            log.add("went on");
            Ok::<_, Error>(n)
        }
    }))
    .await
    .unwrap();
    assert_eq!(winner, 3);
    sleep(10_000).await;
    assert!(log.all().is_empty());
}

/// Kotlin #4643: a cleanup overrides the original error.
#[tokio::test(start_paused = true)]
async fn a_cleanup_does_not_override_the_first_error() {
    let error = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async {
            let _ = catch_cancel(sleep(1000)).await;
            Err::<(), _>("cleanup")
        }));
        sleep(10).await;
        Err::<(), Error>("original".into())
    })
    .await
    .unwrap_err();
    assert!(error.errors()[0].to_string().ends_with("failed: original"));
    assert!(error.errors()[1].to_string().ends_with("failed: cleanup"));
}

/// Upstream: a child that cancels itself cancels the caller of `race`.
#[tokio::test(start_paused = true)]
async fn an_entrant_that_cancels_itself_has_lost() {
    let cancel = || async {
        sleep(1).await;
        Err::<u32, Error>(aiotools::Cancelled::default().into())
    };
    let win = || async {
        sleep(10).await;
        Ok::<u32, Error>(1)
    };
    type Entrant = std::pin::Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>>;
    let entrants = || -> Vec<Entrant> { vec![Box::pin(cancel()), Box::pin(win())] };
    assert!(
        race(entrants())
            .await
            .unwrap_err()
            .first()
            .unwrap()
            .is_cancelled()
    );
    let (value, errors) = race_ok(entrants()).await.unwrap();
    assert_eq!((value, errors.len()), (1, 1));
}

/// Upstream: the collection form of `cancel_and_wait` loses errors behind one cancellation.
#[tokio::test(start_paused = true)]
async fn no_error_is_lost_among_many() {
    let tasks = aiotools::TaskContext::with_handler(|_| {});
    let handles: Vec<_> = (0..3)
        .map(|n| {
            tasks.spawn(async move {
                let caught = catch_cancel(sleep(1000)).await;
                match n {
                    0 => Ok(()),
                    1 => Err(Error::from("failed in cleanup")),
                    _ => Ok(caught?),
                }
            })
        })
        .collect();
    sleep(1).await;
    let errors = aiotools::cancel_and_wait(&handles).await.unwrap_err();
    let indexes: Vec<_> = errors.errors().iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [0, 1]);
    assert!(errors.errors()[0].1.is_not_honoured());
    assert!(errors.errors()[1].1.task_error().is_some());
}

/// Upstream 1.5.0: a failure of a child and a cancellation from outside at the same time are confused.
#[tokio::test(start_paused = true)]
async fn a_failure_and_a_cancellation_in_all_orders() {
    for (fail_at, cancel_at) in [(10, 20), (20, 10), (10, 10)] {
        let tasks = aiotools::TaskContext::with_handler(|_| {});
        let task = tasks.spawn(async move {
            TaskGroup::scope(async |tg| {
                drop(tg.spawn(async move {
                    sleep(fail_at).await;
                    Err::<(), _>("child")
                }));
                drop(tg.spawn(cleans_up(Log::default(), 1000, 50)));
                Ok(())
            })
            .await
        });
        sleep(cancel_at).await;
        task.cancel();
        let error = task.await.unwrap_err();
        if fail_at < cancel_at {
            assert!(error.is_failed(), "{error}");
        } else if cancel_at < fail_at {
            assert!(error.is_cancelled(), "{error}");
        } else {
            assert!(error.is_failed() || error.is_cancelled());
        }
    }
}

/// A timeout cuts a cleanup that has caught a request on the task: the request is not lost with it.
#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_cleanup_does_not_swallow_the_request() {
    let tasks = aiotools::TaskContext::new();
    let task = tasks.spawn(async {
        let late = aiotools::timeout(crate::support::ms(100), async {
            let caught = catch_cancel(sleep(10_000)).await;
            sleep(10_000).await;
            caught
        })
        .await;
        assert!(late.is_err());
        sleep(100_000).await;
        unreachable!("the request was swallowed by the timeout");
    });
    sleep(50).await;
    assert_eq!(
        aiotools::cancel_and_wait(&task).await.unwrap(),
        aiotools::Outcome::Cancelled
    );
}

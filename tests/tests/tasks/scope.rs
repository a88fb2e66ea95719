//! Scopes and contexts: what upstream does not test.

use aiotools::{Supervisor, TaskContext, TaskScope, catch_cancel, task::set_last_resort};

use crate::support::{Error, Log, cleans_up, ms, sleep};

#[tokio::test(start_paused = true)]
async fn the_value_of_the_body() {
    assert_eq!(TaskScope::scope(async |_| 7).await, 7);
    assert_eq!(Supervisor::scope(async |ts| ts.len()).await, 0);
    assert_eq!(
        TaskScope::builder()
            .timeout(ms(10))
            .scope(async |_| 8)
            .await
            .unwrap(),
        8
    );
    assert_eq!(TaskScope::try_scope(async |_| 9).await.unwrap(), 9);
}

/// PTG-10, and G3: a handler that panics is itself reported, and stops nobody.
#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_reported() {
    let log = Log::default();
    let seen = log.clone();
    set_last_resort(move |err| {
        if err
            .panic_message()
            .is_some_and(|text| text.starts_with("handler of"))
        {
            seen.add(err.panic_message().unwrap());
        }
    });
    TaskScope::builder()
        .on_error(|err| panic!("handler of {}", err.name()))
        .scope(async |ts| {
            for n in 0..10 {
                drop(ts.spawn_named(format!("child {n}"), async { Err::<(), _>("no") }));
            }
            sleep(10).await;
        })
        .await;
    assert_eq!(
        log.all(),
        (0..10)
            .map(|n| format!("handler of child {n}"))
            .collect::<Vec<_>>()
    );
}

/// `cancel` asks the children, shield or not, and lets the body be.
#[tokio::test(start_paused = true)]
async fn cancelling_the_children_only() {
    for shield in [false, true] {
        let log = Log::default();
        TaskScope::builder()
            .shield(shield)
            .scope(async |ts| {
                drop(ts.spawn(cleans_up(log.clone(), 1000, 10)));
                sleep(1).await;
                ts.cancel();
                sleep(100).await;
                log.add("body");
            })
            .await;
        assert_eq!(log.all(), ["cancelled", "cleaned", "body"]);
    }
}

/// Upstream hangs for ever when one of two closers is cancelled.
#[tokio::test(start_paused = true)]
async fn many_close_at_once_and_some_give_up() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let host = tokio::spawn(TaskScope::try_scope(async move |ts: TaskScope| {
        let _ = send.send(ts.clone());
        drop(ts.spawn(cleans_up(Log::default(), 100_000, 100)));
        sleep(100_000).await;
    }));
    let ts = receive.await.unwrap();
    sleep(1).await;
    let mut closers: Vec<_> = (0..8)
        .map(|_| {
            let ts = ts.clone();
            tokio::spawn(async move { ts.aclose().await })
        })
        .collect();
    sleep(10).await;
    for at in [6, 3, 0] {
        let closer = closers.swap_remove(at);
        closer.abort();
        assert!(closer.await.unwrap_err().is_cancelled());
    }
    for closer in closers {
        closer.await.unwrap();
    }
    assert!(host.await.unwrap().unwrap_err().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_body_error_after_the_timeout_is_a_timeout() {
    let late = TaskScope::builder()
        .timeout(ms(10))
        .scope(async |_| {
            let _ = aiotools::catch_cancel(sleep(1000)).await;
            Err::<(), _>("body")
        })
        .await;
    assert!(late.unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_dropped() {
    let log = Log::default();
    let tasks = TaskContext::new();
    drop(tasks.spawn(cleans_up(log.clone(), 1000, 10)));
    sleep(1).await;
    drop(tasks);
    sleep(1).await;
    assert_eq!(log.all(), ["cancelled"]);
    crate::support::drained().await;
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// Inside a group, the group waits for it.
#[tokio::test(start_paused = true)]
async fn a_context_that_is_dropped_in_a_group() {
    let log = Log::default();
    aiotools::TaskGroup::scope(async |_| {
        let tasks = TaskContext::new();
        drop(tasks.spawn(cleans_up(log.clone(), 1000, 10)));
        sleep(1).await;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
}

/// A failure during `close` goes to the handler, and nowhere else.
#[tokio::test(start_paused = true)]
async fn a_failure_while_closing() {
    let log = Log::default();
    let seen = log.clone();
    let tasks = TaskContext::with_handler(move |err| seen.add(err.error().unwrap().to_string()));
    drop(tasks.spawn(async {
        let _ = aiotools::catch_cancel(sleep(1000)).await;
        Err::<(), Error>("in cleanup".into())
    }));
    sleep(1).await;
    tokio::join!(tasks.close(), tasks.close());
    tasks.close().await;
    assert_eq!(log.all(), ["in cleanup"]);
    assert!(tasks.spawn(sleep(1)).await.unwrap_err().is_refused());
}

/// A body that catches the cancellation ends by itself, and too late.
#[tokio::test(start_paused = true)]
async fn a_value_after_the_deadline_is_dropped() {
    let late = TaskScope::builder()
        .timeout(ms(10))
        .scope(async |_| catch_cancel(sleep(1000)).await.is_err())
        .await;
    assert!(late.unwrap_err().is_timeout());
}

//! `timeout`, `timeout_at`, `move_on_after`.

use aiotools::{
    TaskGroup, catch_cancel, move_on_after, shield, task::current, timeout, timeout_at,
};
use tokio::time::Instant;

use crate::support::{Log, cleans_up, ms, sleep};

#[tokio::test(start_paused = true)]
async fn in_time_and_late() {
    assert_eq!(timeout(ms(10), async { 1 }).await, Ok(1));
    let start = Instant::now();
    assert!(timeout(ms(10), sleep(100)).await.is_err());
    assert_eq!(start.elapsed(), ms(10));
    assert!(timeout_at(start, sleep(100)).await.is_err());
    assert_eq!(timeout_at(start, async { 2 }).await, Ok(2));
    assert_eq!(timeout(std::time::Duration::MAX, async { 3 }).await, Ok(3));
}

/// The request counts of the host are not touched.
#[tokio::test(start_paused = true)]
async fn the_host_hears_nothing_of_it() {
    let tasks = aiotools::TaskContext::new();
    tasks
        .spawn(async {
            assert!(timeout(ms(10), sleep(100)).await.is_err());
            assert_eq!(current().unwrap().cancelling(), 0);
            let late = aiotools::TaskScope::builder()
                .timeout(ms(10))
                .scope(async |_| sleep(100).await)
                .await;
            assert!(late.is_err());
            assert_eq!(current().unwrap().cancelling(), 0);
            sleep(10).await;
        })
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_the_cleanup() {
    let log = Log::default();
    let start = Instant::now();
    let late = timeout(ms(10), async {
        TaskGroup::scope(async |tg| {
            drop(tg.spawn(cleans_up(log.clone(), 1000, 50)));
            Ok(())
        })
        .await
    })
    .await;
    assert!(late.is_err());
    assert_eq!(log.all(), ["cancelled", "cleaned"]);
    assert_eq!(start.elapsed(), ms(60));
}

#[tokio::test(start_paused = true)]
async fn timeouts_inside_and_outside_of_shields() {
    let inside = shield(timeout(ms(10), sleep(100))).await;
    assert!(inside.is_err());
    let start = Instant::now();
    let outside = timeout(ms(10), shield(sleep(100))).await;
    assert!(outside.is_err(), "it was late, though nothing was cut");
    assert_eq!(start.elapsed(), ms(100));
    // The outer is the earlier one.
    let log = Log::default();
    let both = timeout(ms(10), async {
        let inner = timeout(ms(50), catch_cancel(sleep(1000))).await;
        log.add(format!("{inner:?}").split('(').next().unwrap());
        sleep(10).await;
        inner
    })
    .await;
    assert!(
        matches!(both, Ok(Ok(Err(_)))),
        "caught, cleaned up, and returned: {both:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn moving_the_deadline() {
    let timed = timeout(ms(10), sleep(100));
    let handle = timed.handle();
    let start = Instant::now();
    assert_eq!(handle.deadline(), Some(start + ms(10)));
    let (result, ()) = tokio::join!(timed, async {
        sleep(5).await;
        handle.reset(start + ms(50)).unwrap();
    });
    assert!(result.is_err());
    assert_eq!(start.elapsed(), ms(50));
    assert!(handle.expired());
    assert!(handle.reset(None).is_err());

    let timed = timeout(ms(10), sleep(100));
    let handle = timed.handle();
    handle.reset(None).unwrap();
    assert!(timed.await.is_ok());
    assert!(!handle.expired());
    assert!(handle.reset(Instant::now()).is_err());
}

/// Only its own deadline gives `None`.
#[tokio::test(start_paused = true)]
async fn a_timeout_of_the_bodys_own() {
    let own = move_on_after(ms(100), async |_| timeout(ms(10), sleep(1000)).await).await;
    assert!(matches!(own, Some(Err(_))));
}

/// And what closes the scope.
#[tokio::test(start_paused = true)]
async fn a_scope_that_is_closed_has_no_value() {
    let start = Instant::now();
    let closed = move_on_after(ms(100), async |ts| {
        let own = ts.clone();
        drop(ts.spawn(async move { own.aclose().await }));
        sleep(1000).await;
    })
    .await;
    assert_eq!((closed, start.elapsed()), (None, ms(0)));
}

/// A body without a suspension point passes even a deadline of zero.
#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero() {
    assert_eq!(move_on_after(ms(0), async |_| 1).await, Some(1));
    assert_eq!(move_on_after(ms(0), async |_| sleep(1).await).await, None);
}

/// A handle that outlives the timeout keeps nothing of the task that ran it.
#[test]
fn a_handle_that_is_left_over_keeps_no_waker() {
    struct Task;
    impl std::task::Wake for Task {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    for ends in [true, false] {
        let task = std::sync::Arc::new(Task);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let mut timed = Box::pin(timeout(ms(60_000), ended));
        let handle = timed.handle();
        let waker = std::task::Waker::from(task.clone());
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(timed.as_mut().poll(&mut cx).is_pending());
        if ends {
            end.send(()).unwrap();
            assert!(timed.as_mut().poll(&mut cx).is_ready());
        }
        drop((timed, waker));
        assert_eq!(std::sync::Arc::strong_count(&task), 1, "ends: {ends}");
        assert!(handle.reset(None).is_err());
    }
}

#[test]
fn an_elapsed_timeout_is_an_io_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let late: std::io::Result<()> = runtime.block_on(async { Ok(timeout(ms(1), sleep(2)).await?) });
    let error = late.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "the deadline has passed");
}

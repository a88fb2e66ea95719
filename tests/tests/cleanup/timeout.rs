use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aiotools::cleanup::{CleanupTimedOut, drain};
use aiotools::{Exit, actxmgr};
use aiotools_tests::reports::{Kind, kinds, reports};
use aiotools_tests::trace::Trace;
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::{alone, paused};

const LIMIT: Duration = Duration::from_millis(1500);

/// A cleanup in time is not bothered.
#[test]
fn cleanup_timeout_is_a_limit() {
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn in_time(trace: Trace) -> io::Result<()> {
        yield_!();
        sleep(LIMIT - Duration::from_millis(1)).await;
        trace.push("cleaned up");
        Ok(())
    }
    let _alone = alone();
    paused().block_on(async {
        let trace = Trace::new();
        in_time(trace.clone())
            .scope(async |()| sleep(2 * LIMIT).await)
            .await
            .unwrap();
        in_time(trace.clone()).await.unwrap().exit().await.unwrap();
        drop(in_time(trace.clone()).await.unwrap());
        assert!(drain(2 * LIMIT).await.is_complete());
        assert_eq!(trace, ["cleaned up"; 3]);
    });
    assert_eq!(reports("in_time"), []);
}

/// A manager that cannot fail: reported.
#[test]
fn cleanup_timeout_of_an_infallible_manager() {
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn overdue(trace: Trace) {
        let _held = trace.on_drop("dropped");
        yield_!();
        std::future::pending::<()>().await;
    }
    let _alone = alone();
    paused().block_on(async {
        let trace = Trace::new();
        let began = Instant::now();
        overdue(trace.clone()).await.exit().await;
        assert_eq!(began.elapsed(), LIMIT);
        assert_eq!(trace, ["dropped"]);
        assert_eq!(overdue(trace.clone()).scope(async |()| 5).await, 5);
        assert_eq!(began.elapsed(), 2 * LIMIT);
        assert_eq!(kinds("overdue"), [(Kind::Timeout, Exit::Completed); 2]);

        let got: Result<(), u32> = overdue(trace.clone()).try_scope(async |()| Err(6)).await;
        assert_eq!(got, Err(6));
        drop(overdue(trace.clone()).await);
        assert!(drain(LIMIT + Duration::from_millis(1)).await.is_complete());
        assert_eq!(trace, ["dropped"; 4]);
    });
    assert_eq!(
        kinds("overdue")[2..],
        [
            (Kind::Timeout, Exit::Failed),
            (Kind::Timeout, Exit::Cancelled)
        ]
    );
    assert_eq!(
        reports("overdue")[0].text,
        "the cleanup of `cleanup::timeout::overdue` did not end within 1.5s and was dropped"
    );
}

/// A manager whose error can say so.
#[test]
fn cleanup_timeout_as_an_error() {
    #[derive(Debug)]
    struct Late(CleanupTimedOut);
    impl From<CleanupTimedOut> for Late {
        fn from(error: CleanupTimedOut) -> Self {
            Self(error)
        }
    }
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn late() -> Result<(), Late> {
        yield_!();
        std::future::pending::<()>().await;
        Ok(())
    }
    #[actxmgr(scoped, cleanup_timeout = "1s500ms")]
    async fn late_scoped(_: &str) -> io::Result<()> {
        yield_!();
        std::future::pending::<()>().await;
        Ok(())
    }
    let _alone = alone();
    paused().block_on(async {
        let Late(error) = late()
            .await
            .unwrap()
            .exit_with(Exit::Failed)
            .await
            .unwrap_err();
        assert_eq!((error.exit(), error.limit()), (Exit::Failed, LIMIT));
        assert!(error.manager().ends_with("::late"));
        assert!(late().scope(async |()| 5).await.is_err());
        let error = late_scoped("").scope(async |()| 5).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(
            error
                .into_inner()
                .unwrap()
                .downcast::<CleanupTimedOut>()
                .is_ok()
        );
        assert_eq!(reports("late"), []);
        assert_eq!(reports("late_scoped"), []);

        drop(late().await.unwrap());
        assert!(drain(2 * LIMIT).await.is_complete());
        assert_eq!(kinds("late"), [(Kind::Timeout, Exit::Cancelled)]);
    });
}

/// A manager whose error cannot: it must not say that all went well.
#[test]
fn cleanup_timeout_as_a_panic() {
    #[derive(Debug)]
    struct Mute;
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn mute() -> Result<(), Mute> {
        yield_!();
        std::future::pending::<()>().await;
        Err(Mute)
    }
    let _alone = alone();
    paused().block_on(async {
        let payload = AssertUnwindSafe(mute().scope(async |()| ()))
            .catch_unwind()
            .await
            .unwrap_err();
        let text = payload.downcast::<String>().unwrap();
        assert_eq!(
            *text,
            "the cleanup of `cleanup::timeout::mute` did not end within 1.5s and was dropped"
        );
        let exit = mute().await.unwrap().exit();
        assert!(AssertUnwindSafe(exit).catch_unwind().await.is_err());
        assert_eq!(reports("mute"), []);

        let got: Result<(), Mute> = mute().try_scope(async |()| Err(Mute)).await;
        assert!(got.is_err());
        drop(mute().await.unwrap());
        assert!(drain(2 * LIMIT).await.is_complete());
    });
    assert_eq!(
        kinds("mute"),
        [
            (Kind::Timeout, Exit::Failed),
            (Kind::Timeout, Exit::Cancelled)
        ]
    );
}

/// The limit goes on, and does not begin again, when an `exit` future is dropped.
#[test]
fn cleanup_timeout_goes_on_in_the_background() {
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn handed_over() {
        yield_!();
        std::future::pending::<()>().await;
    }
    let _alone = alone();
    paused().block_on(async {
        let began = Instant::now();
        let exit = handed_over().await.exit();
        assert!(
            tokio::time::timeout(LIMIT - Duration::from_millis(500), exit)
                .await
                .is_err()
        );
        assert!(drain(10 * LIMIT).await.is_complete());
        assert_eq!(began.elapsed(), LIMIT);
    });
    assert_eq!(kinds("handed_over"), [(Kind::Timeout, Exit::Completed)]);
}

/// Without a runtime there is no timer. The cleanup runs all the same, and is reported for what it is.
#[test]
fn cleanup_timeout_without_a_runtime() {
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn timeless(polls: u32, trace: Trace) {
        yield_!();
        for _ in 0..polls {
            yield_pending().await;
        }
        trace.push("cleaned up");
    }
    let _alone = alone();
    let trace = Trace::new();
    futures::executor::block_on(timeless(3, trace.clone()).scope(async |()| ()));
    assert_eq!(trace, ["cleaned up"]);
    drop(futures::executor::block_on(
        timeless(0, trace.clone()).enter(),
    ));
    assert_eq!(trace, ["cleaned up"; 2]);
    assert_eq!(reports("timeless"), []);
    drop(futures::executor::block_on(
        timeless(1, trace.clone()).enter(),
    ));
    assert_eq!(kinds("timeless"), [(Kind::Abandoned, Exit::Cancelled)]);
}

/// A cleanup that is handed over to its home from a runtime that ends takes no harm.
#[test]
fn cleanup_timeout_outlives_the_runtime_of_its_exit() {
    #[actxmgr(cleanup_timeout = "1s500ms")]
    async fn far_from_home(trace: Trace, gate: Arc<Semaphore>) {
        let exit = yield_!();
        let _open = gate.acquire().await.unwrap();
        trace.push(exit);
    }
    let _alone = alone();
    let trace = Trace::new();
    let gate = Arc::new(Semaphore::new(0));
    let home = crate::current_thread();
    let guard = home.block_on(far_from_home(trace.clone(), gate.clone()).enter());
    let mut exit = guard.exit();
    let elsewhere = crate::current_thread();
    elsewhere.block_on(async { assert!(futures::poll!(&mut exit).is_pending()) });
    drop(elsewhere);
    drop(exit);
    home.block_on(async {
        tokio::task::yield_now().await;
        gate.add_permits(1);
        assert!(drain(Duration::from_secs(60)).await.is_complete());
    });
    assert_eq!(trace, ["completed"]);
    assert_eq!(reports("far_from_home"), []);
}

/// Is pending once, on any executor.
async fn yield_pending() {
    let mut pending = true;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        match std::mem::replace(&mut pending, false) {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(()),
        }
    })
    .await;
}

//! The scenarios of the tests of the Python library that belong to managers. Each test names its own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aiotools::{Exit, actxmgr};
use aiotools_tests::reports::{Kind, keep_reports, kinds, reports};
use aiotools_tests::trace::Trace;
use tokio::time::{Instant, sleep};

const STEP: Duration = Duration::from_millis(100);

/// An error that is the same one only if it is the same object.
#[derive(Clone, Debug)]
struct Failure(Arc<str>);

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn failure(text: &str) -> Failure {
    Failure(text.into())
}

/// Suspends in its set-up and in its cleanup.
#[actxmgr]
async fn manager(trace: Trace) -> Result<&'static str, Failure> {
    sleep(STEP).await;
    trace.push("set up");
    let exit = yield_!("hello");
    trace.push(exit);
    sleep(STEP).await;
    trace.push("cleaned up");
    Ok(())
}

/// CTX-04: set-up, value, cleanup, each with a suspension, after a body that went well and after one
/// that failed, whose error reaches the caller unchanged.
#[tokio::test(start_paused = true)]
async fn context_upstream_basics() {
    let trace = Trace::new();
    let began = Instant::now();
    let got = manager(trace.clone())
        .scope(async |value| {
            assert_eq!(trace, ["set up"]);
            value.len()
        })
        .await;
    assert_eq!(got, Ok(5));
    assert_eq!(trace, ["set up", "completed", "cleaned up"]);
    assert_eq!(began.elapsed(), 2 * STEP);

    let trace = Trace::new();
    let error = failure("body");
    let got: Result<(), Failure> = manager(trace.clone())
        .try_scope(async |_| Err(error.clone()))
        .await;
    assert_eq!(got, Err(error));
    assert_eq!(trace, ["set up", "failed", "cleaned up"]);
}

/// CTX-05: a manager is entered once, because entering takes it; one that is made anew works. That a
/// second use does not compile is shown in `ui-tests`.
#[tokio::test(start_paused = true)]
async fn context_upstream_reuse() {
    fn takes_itself<M: IntoFuture>(_: M) {}
    let trace = Trace::new();
    takes_itself(manager(trace.clone()));
    for _ in 0..2 {
        manager(trace.clone()).scope(async |_| ()).await.unwrap();
    }
    assert_eq!(trace.count("cleaned up"), 2);
}

/// CTX-06: an error of the body comes back as the identical object, also when there is code after the
/// yield; and by hand, leaving with a failure answers what the cleanup had to say, no more.
#[tokio::test(start_paused = true)]
async fn context_upstream_error_in_the_body() {
    let error = failure("body");
    let trace = Trace::new();
    let got: Result<(), Failure> = manager(trace.clone())
        .try_scope(async |_| Err(error.clone()))
        .await;
    assert!(Arc::ptr_eq(&got.unwrap_err().0, &error.0));

    let guard = manager(trace.clone()).enter().await.unwrap();
    assert_eq!(*guard, "hello");
    assert_eq!(guard.exit_with(Exit::Failed).await, Ok(()));
    assert_eq!(trace.count("failed"), 2);
}

/// CTX-08: after a body that went well, an error of the cleanup reaches the caller as the identical
/// object, with or without a suspension before it.
#[tokio::test(start_paused = true)]
async fn context_upstream_error_in_the_cleanup() {
    #[actxmgr]
    async fn failing(error: Failure, suspends: bool) -> Result<(), Failure> {
        yield_!();
        if suspends {
            sleep(STEP).await;
        }
        Err(error)
    }
    for suspends in [false, true] {
        let error = failure("cleanup");
        let got = failing(error.clone(), suspends).scope(async |()| ()).await;
        assert_eq!(got, Err(error.clone()));
        let got: Result<(), Failure> = failing(error.clone(), suspends)
            .try_scope(async |()| Ok(()))
            .await;
        assert_eq!(got, Err(error.clone()));
        assert_eq!(
            failing(error.clone(), suspends).await.unwrap().exit().await,
            Err(error)
        );
    }
}

/// CTX-09: an error of the body that the manager does not look at reaches the caller, type and text.
/// (Upstream passes when there is no error at all.)
#[tokio::test(start_paused = true)]
async fn context_upstream_error_not_handled() {
    #[actxmgr]
    async fn indifferent() {
        yield_!();
        sleep(STEP).await;
    }
    let got = indifferent().try_scope(async |()| "x".parse::<u32>()).await;
    let error: std::num::ParseIntError = got.expect_err("the body fails");
    assert_eq!(error.to_string(), "invalid digit found in string");
}

/// CTX-11: the manager answers an error of the body with one of its own: the caller gets that of the
/// body, the hook that of the cleanup, each once.
#[tokio::test(start_paused = true)]
async fn context_upstream_error_chained() {
    #[actxmgr]
    async fn chaining(error: Failure) -> Result<(), Failure> {
        match yield_!() {
            Exit::Failed => Err(error),
            _ => Ok(()),
        }
    }
    keep_reports();
    let (first, second) = (failure("first"), failure("second"));
    let got: Result<(), Failure> = chaining(second)
        .try_scope(async |()| Err(first.clone()))
        .await;
    assert_eq!(got, Err(first));
    assert_eq!(kinds("chaining"), [(Kind::Error, Exit::Failed)]);
    assert!(
        reports("chaining")[0]
            .text
            .ends_with(r#"(failed) failed: Failure("second")"#)
    );
}

/// CTX-12: a manager never replaces the error of the body, not by one of another kind either.
#[tokio::test(start_paused = true)]
async fn context_upstream_error_replaced() {
    #[derive(Debug, PartialEq)]
    enum AppError {
        Body(u32),
        Manager(String),
    }
    impl From<std::fmt::Error> for AppError {
        fn from(error: std::fmt::Error) -> Self {
            Self::Manager(error.to_string())
        }
    }
    #[actxmgr]
    async fn replacing() -> std::fmt::Result {
        yield_!();
        sleep(STEP).await;
        Err(std::fmt::Error)
    }
    keep_reports();
    let got: Result<(), AppError> = replacing()
        .try_scope(async |()| Err(AppError::Body(5)))
        .await;
    assert_eq!(got, Err(AppError::Body(5)));
    assert_eq!(kinds("replacing"), [(Kind::Error, Exit::Failed)]);
    let got: Result<(), AppError> = replacing().try_scope(async |()| Ok(())).await;
    assert_eq!(got, Err(AppError::Manager(std::fmt::Error.to_string())));
}

/// CTX-14: the code after the yield runs, whatever the body did, unless the manager turns back there by
/// itself; and the error of the body comes through unchanged.
#[tokio::test(start_paused = true)]
async fn context_upstream_transparency() {
    #[actxmgr]
    async fn finishing(trace: Trace) -> Result<(), Failure> {
        yield_!();
        trace.push("finally");
        Ok(())
    }
    #[actxmgr]
    async fn turning_back(trace: Trace) -> Result<(), Failure> {
        let exit = yield_!();
        if !exit.is_completed() {
            return Ok(());
        }
        trace.push("after a good body");
        Ok(())
    }
    let trace = Trace::new();
    let error = failure("body");
    let got: Result<(), Failure> = finishing(trace.clone())
        .try_scope(async |()| Err(error.clone()))
        .await;
    assert_eq!(got, Err(error.clone()));
    let got: Result<(), Failure> = turning_back(trace.clone())
        .try_scope(async |()| Err(error.clone()))
        .await;
    assert_eq!(got, Err(error));
    assert_eq!(trace, ["finally"]);
    turning_back(trace.clone())
        .scope(async |()| ())
        .await
        .unwrap();
    assert_eq!(trace, ["finally", "after a good body"]);
}

/// CTX-15: two yields, of which the compiler sees what can be seen (`ui-tests`). One in each arm is fine.
/// What is left is a panic after a body that went well, and is reported behind an error of the body.
#[tokio::test(start_paused = true)]
async fn context_upstream_second_yield() {
    macro_rules! hidden_yield {
        () => {
            yield_!()
        };
    }
    #[actxmgr]
    async fn in_each_arm(left: bool) -> u8 {
        match left {
            true => yield_!(1),
            false => yield_!(2),
        };
    }
    #[actxmgr]
    async fn not_stopping() {
        yield_!();
        hidden_yield!();
    }
    #[actxmgr]
    async fn stopping_after_errors() {
        if yield_!().is_completed() {
            hidden_yield!();
        }
    }
    keep_reports();
    assert_eq!(in_each_arm(true).scope(async |n| n).await, 1);
    assert_eq!(in_each_arm(false).scope(async |n| n).await, 2);

    let got = tokio::spawn(not_stopping().scope(async |()| ()))
        .await
        .unwrap_err()
        .into_panic();
    let text = got.downcast_ref::<&str>().unwrap();
    assert_eq!(
        *text,
        "`yield_!` was reached a second time: a manager yields once, then cleans up and ends"
    );

    let got = stopping_after_errors()
        .try_scope(async |()| Err::<(), u8>(1))
        .await;
    assert_eq!(got, Err(1));
    assert_eq!(reports("stopping_after_errors"), []);

    let got = not_stopping().try_scope(async |()| Err::<(), u8>(1)).await;
    assert_eq!(got, Err(1));
    assert_eq!(kinds("not_stopping"), [(Kind::Panic, Exit::Failed)]);
}

/// CTX-16: no yield is an error of the attribute (`ui-tests`); one that is never reached says so when
/// it is entered.
#[tokio::test(start_paused = true)]
async fn context_upstream_no_yield() {
    #[actxmgr]
    async fn never(really: bool) {
        if really {
            yield_!();
        }
    }
    let got = tokio::spawn(async { never(false).scope(async |()| ()).await });
    let got = got.await.unwrap_err().into_panic();
    let text = got.downcast_ref::<String>().unwrap();
    assert!(
        text.ends_with("::never` returned without reaching its `yield_!`"),
        "{text}"
    );
}

/// Not tested upstream: cancelled while it is entered, a manager has nothing to clean up.
#[tokio::test(start_paused = true)]
async fn context_upstream_cancelled_while_entering() {
    let trace = Trace::new();
    {
        let mut enter = pin!(manager(trace.clone()).enter());
        assert!(futures::poll!(&mut enter).is_pending());
    }
    sleep(5 * STEP).await;
    assert_eq!(trace, []);
}

//! Every way to enter a manager and to leave it, for each kind of manager.

use std::cell::RefCell;
use std::rc::Rc;

use aiotools::{Exit, actxmgr};
use aiotools_tests::trace::Trace;
use tokio::task::yield_now;

#[derive(Debug, PartialEq)]
struct Refused(&'static str);

#[derive(Debug, PartialEq)]
enum AppError {
    Refused(Refused),
    Body(u32),
}

impl From<Refused> for AppError {
    fn from(error: Refused) -> Self {
        Self::Refused(error)
    }
}

const SETUP: Refused = Refused("set-up");
const CLEANUP: Refused = Refused("cleanup");

#[actxmgr]
async fn shared(trace: Trace) -> u32 {
    yield_now().await;
    trace.push("set up");
    let exit = yield_!(7);
    yield_now().await;
    trace.push(exit);
}

#[actxmgr]
async fn shared_fallible(
    trace: Trace,
    setup: Result<(), Refused>,
    cleanup: Result<(), Refused>,
) -> Result<&mut String, Refused> {
    yield_now().await;
    setup?;
    let mut text = String::from("a");
    let exit = yield_!(&mut text);
    yield_now().await;
    trace.push(format!("{text} {exit}"));
    cleanup
}

#[actxmgr(local)]
async fn local(trace: Rc<RefCell<Vec<Exit>>>) -> u32 {
    yield_now().await;
    let exit = yield_!(7);
    yield_now().await;
    trace.borrow_mut().push(exit);
}

#[actxmgr(local)]
async fn local_fallible(
    trace: Rc<RefCell<Vec<Exit>>>,
    setup: Result<(), Refused>,
    cleanup: Result<(), Refused>,
) -> Result<Rc<u32>, Refused> {
    yield_now().await;
    setup?;
    let exit = yield_!(Rc::new(7));
    yield_now().await;
    trace.borrow_mut().push(exit);
    cleanup
}

#[actxmgr(scoped)]
async fn scoped(trace: &Trace) -> u32 {
    yield_now().await;
    trace.push("set up");
    let exit = yield_!(7);
    yield_now().await;
    trace.push(exit);
}

#[actxmgr(scoped)]
async fn scoped_fallible(
    trace: &Trace,
    setup: Result<(), Refused>,
    cleanup: Result<(), Refused>,
) -> Result<&mut String, Refused> {
    yield_now().await;
    setup?;
    let mut text = String::from("a");
    let exit = yield_!(&mut text);
    yield_now().await;
    trace.push(format!("{text} {exit}"));
    cleanup
}

#[tokio::test]
async fn context_guard_by_await_and_by_enter() {
    let trace = Trace::new();
    let guard = shared(trace.clone()).await;
    assert_eq!(trace, ["set up"]);
    assert_eq!(*guard, 7);
    guard.exit().await;
    assert_eq!(trace, ["set up", "completed"]);

    let mut guard = shared(trace.clone()).enter().await;
    *guard += 1;
    assert_eq!(*guard, 8);
    guard.exit().await;
    assert_eq!(trace.count("completed"), 2);
}

#[tokio::test]
async fn context_manager_does_nothing_until_it_is_entered() {
    let trace = Trace::new();
    drop(shared(trace.clone()));
    drop(shared(trace.clone()).enter());
    drop(shared(trace.clone()).scope(async |_| ()));
    drop(scoped(&trace));
    drop(scoped(&trace).scope(async |_| ()));
    yield_now().await;
    assert_eq!(trace, []);
}

#[tokio::test]
async fn context_exit_with_tells_each_reason() {
    let told = Rc::new(RefCell::new(Vec::new()));
    for exit in [
        Exit::Completed,
        Exit::Failed,
        Exit::Panicked,
        Exit::Cancelled,
    ] {
        let trace = Trace::new();
        shared(trace.clone()).await.exit_with(exit).await;
        assert_eq!(trace, ["set up", &exit.to_string()]);

        local(told.clone()).await.exit_with(exit).await;
        assert_eq!(told.borrow_mut().pop(), Some(exit));
    }
    assert_eq!(*told.borrow(), []);
}

#[tokio::test]
async fn context_guard_of_a_fallible_manager() {
    let trace = Trace::new();
    let refused = shared_fallible(trace.clone(), Err(SETUP), Ok(())).await;
    assert_eq!(refused.err(), Some(SETUP));
    assert_eq!(trace, []);

    let mut guard = shared_fallible(trace.clone(), Ok(()), Ok(()))
        .await
        .unwrap();
    guard.push('b');
    assert_eq!(guard.exit().await, Ok(()));
    assert_eq!(trace, ["ab completed"]);

    let guard = shared_fallible(trace.clone(), Ok(()), Err(CLEANUP))
        .enter()
        .await
        .unwrap();
    assert_eq!(guard.exit_with(Exit::Failed).await, Err(CLEANUP));
    assert_eq!(trace, ["ab completed", "a failed"]);
}

#[tokio::test]
async fn context_guard_of_a_local_manager() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let guard = local(told.clone()).await;
    assert_eq!(*guard, 7);
    guard.exit().await;
    let guard = local_fallible(told.clone(), Ok(()), Ok(())).await.unwrap();
    assert_eq!(**guard, 7);
    assert_eq!(guard.exit().await, Ok(()));
    assert_eq!(*told.borrow(), [Exit::Completed; 2]);

    assert_eq!(
        local_fallible(told.clone(), Err(SETUP), Ok(())).await.err(),
        Some(SETUP)
    );
    let guard = local_fallible(told.clone(), Ok(()), Err(CLEANUP))
        .await
        .unwrap();
    assert_eq!(guard.exit().await, Err(CLEANUP));
}

#[tokio::test]
async fn context_scope_gives_what_the_body_gives() {
    let trace = Trace::new();
    let inside = trace.clone();
    let text = shared(trace.clone())
        .scope(async |n| {
            yield_now().await;
            inside.push("body");
            n.to_string()
        })
        .await;
    assert_eq!(text, "7");
    assert_eq!(trace, ["set up", "body", "completed"]);

    let trace = Trace::new();
    let n = scoped(&trace)
        .scope(async |n| {
            yield_now().await;
            trace.push("body");
            n + 1
        })
        .await;
    assert_eq!(n, 8);
    assert_eq!(trace, ["set up", "body", "completed"]);

    let told = Rc::new(RefCell::new(Vec::new()));
    assert_eq!(
        local(told.clone()).scope(async |n| Rc::new(n)).await,
        Rc::new(7)
    );
    assert_eq!(*told.borrow(), [Exit::Completed]);
}

#[tokio::test]
async fn context_scope_of_a_fallible_manager() {
    // `scope` does not look into what the body gives: an `Err` is a value like any other.
    async fn all(
        setup: Result<(), Refused>,
        cleanup: Result<(), Refused>,
        expect: Result<usize, Refused>,
        log: &[&str],
    ) {
        let again = |result: &Result<(), Refused>| {
            result
                .as_ref()
                .map(|_| ())
                .map_err(|error| Refused(error.0))
        };
        let trace = Trace::new();
        let body = async |text: &mut String| {
            text.push('b');
            yield_now().await;
            text.len()
        };
        let got = shared_fallible(trace.clone(), again(&setup), again(&cleanup))
            .scope(body)
            .await;
        assert_eq!(got, expect);
        assert_eq!(trace.events(), log);

        let trace = Trace::new();
        let got = scoped_fallible(&trace, again(&setup), again(&cleanup))
            .scope(body)
            .await;
        assert_eq!(got, expect);
        assert_eq!(trace.events(), log);

        let told = Rc::new(RefCell::new(Vec::new()));
        let got = local_fallible(told.clone(), again(&setup), again(&cleanup))
            .scope(async |n| *n as usize - 5)
            .await;
        assert_eq!(got, expect);
        assert_eq!(told.borrow().len(), log.len());
    }
    all(Ok(()), Ok(()), Ok(2), &["ab completed"]).await;
    all(Err(SETUP), Ok(()), Err(SETUP), &[]).await;
    all(Ok(()), Err(CLEANUP), Err(CLEANUP), &["ab completed"]).await;

    let trace = Trace::new();
    let got = shared_fallible(trace.clone(), Ok(()), Ok(()))
        .scope(async |_| Err::<(), u32>(5))
        .await;
    assert_eq!(got, Ok(Err(5)));
    assert_eq!(trace, ["a completed"]);
}

#[tokio::test]
async fn context_try_scope_of_an_infallible_manager() {
    let trace = Trace::new();
    let got: Result<u32, String> = shared(trace.clone()).try_scope(async |n| Ok(n + 1)).await;
    assert_eq!(got, Ok(8));
    let got: Result<u32, String> = shared(trace.clone())
        .try_scope(async |n| Err(n.to_string()))
        .await;
    assert_eq!(got, Err("7".to_owned()));
    assert_eq!(trace, ["set up", "completed", "set up", "failed"]);

    let trace = Trace::new();
    let got: Result<u32, String> = scoped(&trace).try_scope(async |n| Ok(n + 1)).await;
    assert_eq!(got, Ok(8));
    let got: Result<u32, String> = scoped(&trace).try_scope(async |n| Err(n.to_string())).await;
    assert_eq!(got, Err("7".to_owned()));
    assert_eq!(trace, ["set up", "completed", "set up", "failed"]);

    let told = Rc::new(RefCell::new(Vec::new()));
    let got: Result<(), u32> = local(told.clone()).try_scope(async |n| Err(n)).await;
    assert_eq!(got, Err(7));
    assert_eq!(*told.borrow(), [Exit::Failed]);
}

#[tokio::test]
async fn context_try_scope_of_a_fallible_manager() {
    let trace = Trace::new();
    let got: Result<usize, AppError> = shared_fallible(trace.clone(), Ok(()), Ok(()))
        .try_scope(async |text| Ok(text.len()))
        .await;
    assert_eq!(got, Ok(1));
    let got: Result<(), AppError> = shared_fallible(trace.clone(), Ok(()), Ok(()))
        .try_scope(async |text| {
            text.push('!');
            Err(AppError::Body(1))
        })
        .await;
    assert_eq!(got, Err(AppError::Body(1)));
    let got: Result<(), AppError> = shared_fallible(trace.clone(), Err(SETUP), Ok(()))
        .try_scope(async |_| Ok(()))
        .await;
    assert_eq!(got, Err(AppError::Refused(SETUP)));
    let got: Result<(), AppError> = shared_fallible(trace.clone(), Ok(()), Err(CLEANUP))
        .try_scope(async |_| Ok(()))
        .await;
    assert_eq!(got, Err(AppError::Refused(CLEANUP)));
    assert_eq!(trace, ["a completed", "a! failed", "a completed"]);

    let trace = Trace::new();
    let got: Result<(), Refused> = scoped_fallible(&trace, Err(SETUP), Ok(()))
        .try_scope(async |_| Ok(()))
        .await;
    assert_eq!(got, Err(SETUP));
    let got: Result<(), Refused> = scoped_fallible(&trace, Ok(()), Err(CLEANUP))
        .try_scope(async |_| Ok(()))
        .await;
    assert_eq!(got, Err(CLEANUP));
    let got: Result<(), AppError> = scoped_fallible(&trace, Ok(()), Ok(()))
        .try_scope(async |_| Err(AppError::Body(2)))
        .await;
    assert_eq!(got, Err(AppError::Body(2)));
    assert_eq!(trace, ["a completed", "a failed"]);

    let told = Rc::new(RefCell::new(Vec::new()));
    let got: Result<u32, AppError> = local_fallible(told.clone(), Ok(()), Err(CLEANUP))
        .try_scope(async |n| Ok(*n))
        .await;
    assert_eq!(got, Err(AppError::Refused(CLEANUP)));
    assert_eq!(*told.borrow(), [Exit::Completed]);
}

/// A guard dropped at the end of a block, and by an early `?`, is cancelled.
#[tokio::test]
async fn context_guard_dropped_is_cancelled() {
    async fn early(trace: Trace) -> Result<(), AppError> {
        let mut guard = shared_fallible(trace, Ok(()), Ok(())).await?;
        guard.push('b');
        Err(AppError::Body(1))?;
        unreachable!("left by the `?`")
    }
    let trace = Trace::new();
    assert_eq!(early(trace.clone()).await, Err(AppError::Body(1)));
    assert_eq!(trace, [], "the cleanup is not run by the drop");
    trace.wait_for("ab cancelled").await;

    {
        let _guard = shared(trace.clone()).await;
    }
    trace.wait_for("cancelled").await;
    assert_eq!(trace, ["ab cancelled", "set up", "cancelled"]);
}

/// The value is used by shared and by exclusive reference, across awaits too.
#[tokio::test]
async fn context_guard_with_and_with_mut_and_with_async() {
    struct Line<'a>(&'a str, &'a mut Vec<u32>);

    #[actxmgr]
    async fn line(trace: Trace) -> Line<'_> {
        let text = String::from("hello");
        let mut numbers = vec![1];
        yield_!(Line(&text, &mut numbers));
        trace.push(format!("{text} {numbers:?}"));
    }

    let trace = Trace::new();
    let mut guard = line(trace.clone()).await;
    assert_eq!(guard.with(|line| line.0.len() + line.1.len()), 6);
    guard.with_mut(|line| line.1.push(2));
    let sum = guard
        .with_async(async |line| {
            yield_now().await;
            line.1.push(3);
            yield_now().await;
            line.1.iter().sum::<u32>()
        })
        .await;
    assert_eq!(sum, 6);
    // Dropped half-way, it leaves the guard as it is.
    assert!(
        futures::poll!(std::pin::pin!(guard.with_async(async |line| {
            line.1.push(4);
            std::future::pending::<()>().await;
        })))
        .is_pending()
    );
    assert_eq!(guard.with(|line| line.1.len()), 4);
    guard.exit().await;
    assert_eq!(trace, ["hello [1, 2, 3, 4]"]);
}

/// What a manager hands out by value is the caller's, also to keep beyond the manager.
#[tokio::test]
async fn context_owned_value_outlives_the_manager() {
    #[actxmgr]
    async fn boxed(trace: Trace) -> Box<u32> {
        yield_!(Box::new(5));
        trace.push("cleaned up");
    }
    let trace = Trace::new();
    let kept = boxed(trace.clone()).scope(async |n| n).await;
    assert_eq!((*kept, trace.count("cleaned up")), (5, 1));

    let mut guard = boxed(trace.clone()).await;
    let taken = std::mem::replace(&mut *guard, Box::new(0));
    guard.exit().await;
    assert_eq!(*taken, 5);
}

/// The value that is still in the guard is dropped before the cleanup begins.
#[tokio::test]
async fn context_value_is_dropped_before_the_cleanup() {
    #[actxmgr]
    async fn lender(trace: Trace) -> aiotools_tests::trace::OnDrop {
        yield_!(trace.on_drop("value dropped"));
        trace.push("cleanup");
    }
    let trace = Trace::new();
    lender(trace.clone()).await.exit().await;
    assert_eq!(trace, ["value dropped", "cleanup"]);

    let trace = Trace::new();
    lender(trace.clone()).scope(async |_value| ()).await;
    assert_eq!(trace, ["value dropped", "cleanup"]);

    let trace = Trace::new();
    drop(lender(trace.clone()).await);
    assert_eq!(trace, ["value dropped"]);
    trace.wait_for("cleanup").await;
}

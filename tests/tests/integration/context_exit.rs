//! Why a manager is left, and what becomes of errors and panics (G1, G3).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aiotools::{Exit, actxmgr};
use aiotools_tests::reports::{Kind, keep_reports, kinds, reports};
use aiotools_tests::trace::Trace;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Runs `future`, which panics, and gives the text of its panic.
async fn panic_of<T>(future: impl Future<Output = T>) -> String {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
        },
    }
}

#[actxmgr]
async fn tracked(trace: Trace) -> u32 {
    let exit = yield_!(7);
    yield_now().await;
    trace.push(exit);
}

#[actxmgr(scoped)]
async fn scoped(trace: &Trace) -> u32 {
    let exit = yield_!(7);
    yield_now().await;
    trace.push(exit);
}

/// A panic of the body waits for the cleanup, and goes on as it was.
#[tokio::test]
async fn context_body_panics() {
    let trace = Trace::new();
    let text = panic_of(tracked(trace.clone()).scope(async |n| {
        yield_now().await;
        panic!("body {n}")
    }))
    .await;
    assert_eq!(text, "body 7");
    assert_eq!(trace, ["panicked"]);

    let text = panic_of(tracked(trace.clone()).try_scope(async |n| {
        if n == 7 {
            panic!("body");
        }
        Ok::<(), ()>(())
    }))
    .await;
    assert_eq!(text, "body");
    assert_eq!(trace, ["panicked", "panicked"]);

    let trace = Trace::new();
    let text = panic_of(scoped(&trace).scope(async |n| panic!("body {n}"))).await;
    assert_eq!(text, "body 7");
    assert_eq!(trace, ["panicked"]);
}

/// Also a closure that panics before there is a future, and one that panics with what is no text.
#[tokio::test]
async fn context_body_panics_before_its_first_await() {
    fn body(_: u32) -> std::future::Ready<()> {
        std::panic::panic_any(5_u8)
    }
    let trace = Trace::new();
    let payload = AssertUnwindSafe(tracked(trace.clone()).scope(body))
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&5_u8));
    assert_eq!(trace, ["panicked"]);
}

/// What a panicking body holds of the value is gone before the cleanup begins.
#[tokio::test]
async fn context_body_is_gone_before_the_cleanup() {
    let trace = Trace::new();
    let held = trace.on_drop("body dropped");
    panic_of(tracked(trace.clone()).scope(async move |_| {
        let _held = held;
        yield_now().await;
        panic!("body")
    }))
    .await;
    assert_eq!(trace, ["body dropped", "panicked"]);
}

#[tokio::test]
async fn context_guard_dropped_in_unwinding_is_panicked() {
    let trace = Trace::new();
    let text = panic_of(async {
        let _guard = tracked(trace.clone()).await;
        panic!("holder")
    })
    .await;
    assert_eq!(text, "holder");
    trace.wait_for("panicked").await;

    // And a scope whose future is dropped by a panic next to it.
    let text = panic_of(async {
        let mut scope =
            Box::pin(tracked(trace.clone()).scope(async |_| std::future::pending::<()>().await));
        assert!(futures::poll!(&mut scope).is_pending());
        panic!("neighbour")
    })
    .await;
    assert_eq!(text, "neighbour");
    while trace.count("panicked") < 2 {
        yield_now().await;
    }
}

/// A task that panics while it holds a guard.
#[tokio::test]
async fn context_task_that_panics_leaves_its_guards() {
    let trace = Trace::new();
    let task = tokio::spawn({
        let trace = trace.clone();
        async move {
            let _guard = tracked(trace).await;
            panic!("task");
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    trace.wait_for("panicked").await;
}

#[derive(Debug, PartialEq)]
struct Refused(Arc<str>);

/// A cleanup that fails after a body that went well: its error is the result.
#[tokio::test]
async fn context_error_of_the_cleanup_comes_out() {
    #[actxmgr]
    async fn refusing(error: Arc<str>) -> Result<(), Refused> {
        yield_!();
        yield_now().await;
        Err(Refused(error))
    }
    keep_reports();
    let error: Arc<str> = "no".into();
    let got = refusing(error.clone())
        .scope(async |()| 1)
        .await
        .unwrap_err();
    assert!(Arc::ptr_eq(&got.0, &error));
    let got = refusing(error.clone())
        .await
        .unwrap()
        .exit()
        .await
        .unwrap_err();
    assert!(Arc::ptr_eq(&got.0, &error));
    let got: Result<(), Refused> = refusing(error.clone()).try_scope(async |()| Ok(())).await;
    assert!(Arc::ptr_eq(&got.unwrap_err().0, &error));
    assert_eq!(
        reports("refusing"),
        [],
        "an error that a caller gets is reported to nobody else"
    );
}

/// G3: the error of the body wins, and that of the cleanup is reported once.
#[tokio::test]
async fn context_first_error_wins() {
    #[actxmgr]
    async fn refusing_second() -> Result<(), Refused> {
        let exit = yield_!();
        assert_eq!(exit, Exit::Failed);
        Err(Refused("second".into()))
    }
    #[actxmgr]
    async fn panicking_second() {
        yield_!();
        yield_now().await;
        panic!("second");
    }
    #[actxmgr(scoped)]
    async fn scoped_second(error: &str) -> Result<(), Refused> {
        yield_!();
        Err(Refused(error.into()))
    }
    #[actxmgr(local)]
    async fn local_second(error: std::rc::Rc<str>) -> Result<(), Refused> {
        yield_!();
        Err(Refused((&*error).into()))
    }
    keep_reports();
    let failing = async |()| Err(Refused("first".into()));
    let first: Result<(), Refused> = Err(Refused("first".into()));

    assert_eq!(refusing_second().try_scope(failing).await, first);
    assert_eq!(kinds("refusing_second"), [(Kind::Error, Exit::Failed)]);
    assert_eq!(panicking_second().try_scope(failing).await, first);
    assert_eq!(kinds("panicking_second"), [(Kind::Panic, Exit::Failed)]);
    assert_eq!(
        reports("panicking_second")[0].text.rsplit(": ").next(),
        Some("second")
    );
    assert_eq!(scoped_second("second").try_scope(failing).await, first);
    assert_eq!(kinds("scoped_second"), [(Kind::Error, Exit::Failed)]);
    assert_eq!(
        local_second("second".into()).try_scope(failing).await,
        first
    );
    assert_eq!(kinds("local_second"), [(Kind::Error, Exit::Failed)]);
}

/// G3: so does the panic of the body.
#[tokio::test]
async fn context_first_panic_wins() {
    #[actxmgr]
    async fn refusing_third() -> Result<(), Refused> {
        yield_!();
        Err(Refused("second".into()))
    }
    #[actxmgr]
    async fn panicking_third() {
        yield_!();
        panic!("second");
    }
    #[actxmgr(scoped)]
    async fn scoped_third(text: &str) {
        yield_!();
        panic!("{text}");
    }
    keep_reports();
    let panicking = async |()| panic!("first");
    assert_eq!(panic_of(refusing_third().scope(panicking)).await, "first");
    assert_eq!(kinds("refusing_third"), [(Kind::Error, Exit::Panicked)]);
    assert_eq!(panic_of(panicking_third().scope(panicking)).await, "first");
    assert_eq!(kinds("panicking_third"), [(Kind::Panic, Exit::Panicked)]);
    assert_eq!(
        panic_of(scoped_third("second").scope(panicking)).await,
        "first"
    );
    assert_eq!(kinds("scoped_third"), [(Kind::Panic, Exit::Panicked)]);
}

/// A panic of the cleanup comes out of whoever waits for it, and is not reported beside.
#[tokio::test]
async fn context_panic_of_the_cleanup_comes_out() {
    #[actxmgr]
    async fn panicking_cleanup() {
        yield_!();
        yield_now().await;
        panic!("cleanup");
    }
    keep_reports();
    assert_eq!(panic_of(panicking_cleanup().await.exit()).await, "cleanup");
    assert_eq!(
        panic_of(panicking_cleanup().scope(async |()| ())).await,
        "cleanup"
    );
    assert_eq!(
        panic_of(panicking_cleanup().try_scope(async |()| Ok::<(), ()>(()))).await,
        "cleanup"
    );
    assert_eq!(reports("panicking_cleanup"), []);
}

/// Nobody waits for a detached cleanup: its error and its panic are reported, once each.
#[tokio::test]
async fn context_detached_cleanup_reports() {
    #[actxmgr]
    async fn refusing_detached(trace: Trace) -> Result<(), Refused> {
        let _end = trace.on_drop("end");
        yield_!();
        yield_now().await;
        Err(Refused("late".into()))
    }
    #[actxmgr]
    async fn panicking_detached(trace: Trace) {
        let _end = trace.on_drop("end");
        yield_!();
        yield_now().await;
        panic!("late");
    }
    keep_reports();
    let trace = Trace::new();
    drop(refusing_detached(trace.clone()).await);
    trace.wait_for("end").await;
    yield_now().await;
    assert_eq!(kinds("refusing_detached"), [(Kind::Error, Exit::Cancelled)]);

    let trace = Trace::new();
    drop(panicking_detached(trace.clone()).await);
    trace.wait_for("end").await;
    yield_now().await;
    assert_eq!(
        kinds("panicking_detached"),
        [(Kind::Panic, Exit::Cancelled)]
    );
}

/// A cleanup that awaits for an hour is waited for.
#[tokio::test(start_paused = true)]
async fn context_cleanup_awaits_for_long() {
    #[actxmgr]
    async fn slow(trace: Trace) {
        let exit = yield_!();
        sleep(Duration::from_hours(1)).await;
        trace.push(exit);
    }
    let trace = Trace::new();
    slow(trace.clone()).await.exit().await;
    slow(trace.clone()).scope(async |()| ()).await;
    assert_eq!(trace, ["completed", "completed"]);
    drop(slow(trace.clone()).await);
    trace
        .wait_for_in("cancelled", Duration::from_hours(2))
        .await;
}

/// A panic of the set-up comes out of entering; there is nothing to clean up but what was made.
#[tokio::test]
async fn context_setup_panics() {
    #[actxmgr]
    async fn panicking(trace: Trace) {
        let _made = trace.on_drop("made dropped");
        yield_now().await;
        if trace.count("never") == 0 {
            panic!("set-up");
        }
        yield_!();
        trace.push("cleanup");
    }
    let trace = Trace::new();
    assert_eq!(panic_of(panicking(trace.clone()).enter()).await, "set-up");
    assert_eq!(
        panic_of(panicking(trace.clone()).scope(async |()| ())).await,
        "set-up"
    );
    assert_eq!(trace, ["made dropped", "made dropped"]);
}

/// No yield at run time is the author's mistake, and says whose.
#[tokio::test]
async fn context_no_yield_at_run_time() {
    #[actxmgr]
    async fn sometimes(really: bool) {
        if really {
            yield_!();
        }
    }
    #[actxmgr]
    async fn sometimes_fallible(really: bool) -> Result<(), ()> {
        if really {
            yield_!();
        }
        Ok(())
    }
    sometimes(true).scope(async |()| ()).await;
    for text in [
        panic_of(sometimes(false).enter()).await,
        panic_of(sometimes(false).scope(async |()| ())).await,
        panic_of(sometimes(false).try_scope(async |()| Ok::<(), ()>(()))).await,
    ] {
        assert!(
            text.ends_with("context_exit::sometimes` returned without reaching its `yield_!`"),
            "{text}"
        );
    }
    sometimes_fallible(true).scope(async |()| ()).await.unwrap();
    for text in [
        panic_of(sometimes_fallible(false).enter()).await,
        panic_of(sometimes_fallible(false).scope(async |()| ())).await,
        panic_of(sometimes_fallible(false).try_scope(async |()| Ok::<(), ()>(()))).await,
    ] {
        assert!(
            text.contains("sometimes_fallible` returned without reaching"),
            "{text}"
        );
    }
}

/// The attribute sees the calls of macros, not what they become.
macro_rules! hidden_yield {
    ($value:expr) => {
        yield_!($value)
    };
}

/// A second yield that the attribute cannot see.
#[tokio::test]
async fn context_second_yield_at_run_time() {
    #[actxmgr]
    async fn twice(trace: Trace, first: bool, second: bool) -> u32 {
        let _end = trace.on_drop("end");
        if first {
            yield_!(1);
        }
        if second {
            hidden_yield!(2);
        }
    }
    keep_reports();
    let trace = Trace::new();
    assert_eq!(
        twice(trace.clone(), true, false).scope(async |n| n).await,
        1
    );
    assert_eq!(
        twice(trace.clone(), false, true).scope(async |n| n).await,
        2
    );
    let text = panic_of(twice(trace.clone(), true, true).scope(async |n| n)).await;
    assert!(
        text.starts_with("`yield_!` was reached a second time"),
        "{text}"
    );
    let text = panic_of(twice(trace.clone(), true, true).await.exit()).await;
    assert!(
        text.starts_with("`yield_!` was reached a second time"),
        "{text}"
    );
    assert_eq!(trace.count("end"), 4);
    assert_eq!(reports("twice"), []);

    drop(twice(trace.clone(), true, true).await);
    while trace.count("end") < 5 {
        yield_now().await;
    }
    yield_now().await;
    assert_eq!(kinds("twice"), [(Kind::Panic, Exit::Cancelled)]);
}

/// G1: a value that panics in its drop does not take the cleanup with it.
#[tokio::test]
async fn context_value_panics_in_its_drop() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    #[actxmgr]
    async fn armed(trace: Trace) -> Bomb {
        let exit = yield_!(Bomb);
        yield_now().await;
        trace.push(exit);
    }
    #[actxmgr(local)]
    async fn armed_local(trace: Trace) -> (Bomb, std::rc::Rc<()>) {
        let exit = yield_!((Bomb, std::rc::Rc::new(())));
        trace.push(exit);
    }
    let trace = Trace::new();
    let text = panic_of(async { drop(armed(trace.clone()).await) }).await;
    assert_eq!(text, "bomb");
    trace.wait_for("cancelled").await;

    let text = panic_of(async { armed(trace.clone()).await.exit().await }).await;
    assert_eq!(text, "bomb");
    trace.wait_for("completed").await;

    let text = panic_of(armed(trace.clone()).scope(async |_bomb| ())).await;
    assert_eq!(text, "bomb");
    trace.wait_for("panicked").await;

    let trace = Trace::new();
    let text = panic_of(async { drop(armed_local(trace.clone()).await) }).await;
    assert_eq!(text, "bomb");
    trace.wait_for("cancelled").await;
}

use std::future::pending;
use std::thread;
use std::time::Duration;

use aiotools::cleanup::{drain, stats};
use aiotools::{Exit, actxmgr};
use aiotools_tests::reports::{Kind, kinds, reports};
use aiotools_tests::trace::Trace;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::{alone, current_thread, multi_thread};

const LONG: Duration = Duration::from_secs(60);

/// Uses a timer, which works on a runtime only.
#[actxmgr]
async fn timed(trace: Trace) {
    let exit = yield_!();
    sleep(Duration::from_millis(1)).await;
    trace.push(exit);
}

fn is_drained(runtime: &tokio::runtime::Runtime) {
    let drained = runtime.block_on(drain(LONG));
    assert!(drained.is_complete(), "{drained}");
}

/// A plain thread has no runtime; the one on which the manager was entered takes the cleanup.
#[test]
fn cleanup_of_a_guard_dropped_on_a_plain_thread() {
    let _alone = alone();
    for runtime in [current_thread(), multi_thread()] {
        let trace = Trace::new();
        let guard = runtime.block_on(timed(trace.clone()).enter());
        let exit = runtime
            .block_on(timed(trace.clone()).enter())
            .exit_with(Exit::Failed);
        thread::spawn(move || drop((guard, exit))).join().unwrap();
        is_drained(&runtime);
        let mut events = trace.events();
        events.sort();
        assert_eq!(events, ["cancelled", "failed"]);
    }
}

/// Dropped outside of `block_on`, a cleanup waits until its runtime is driven again.
#[test]
fn cleanup_of_a_guard_dropped_outside_of_block_on() {
    let _alone = alone();
    let trace = Trace::new();
    let runtime = current_thread();
    let guard = runtime.block_on(timed(trace.clone()).enter());
    drop(guard);
    assert_eq!(stats().outstanding, 1);
    assert_eq!(trace, []);
    // Waiting without driving it is in vain.
    let other = current_thread();
    assert_eq!(
        other
            .block_on(drain(Duration::from_millis(20)))
            .outstanding(),
        1
    );
    is_drained(&runtime);
    assert_eq!(trace, ["cancelled"]);
}

/// On whatever runtime a guard is dropped, the one that knows its timers and sockets takes the cleanup.
#[test]
fn cleanup_goes_home() {
    #[actxmgr]
    async fn where_am_i(trace: Trace) {
        yield_!();
        yield_now().await;
        trace.push(tokio::runtime::Handle::current().id());
    }
    let _alone = alone();
    let (home, elsewhere) = (multi_thread(), current_thread());
    let trace = Trace::new();
    let guard = home.block_on(where_am_i(trace.clone()).enter());
    elsewhere.block_on(async { drop(guard) });
    is_drained(&elsewhere);
    let guard = home.block_on(where_am_i(trace.clone()).enter());
    // Awaited, it runs where it is awaited.
    elsewhere.block_on(guard.exit());
    let ids = [
        home.handle().id().to_string(),
        elsewhere.handle().id().to_string(),
    ];
    assert_eq!(trace.events(), ids);
}

/// Entered without a runtime, dropped on one.
#[test]
fn cleanup_without_a_home_uses_the_runtime_of_the_drop() {
    let _alone = alone();
    let trace = Trace::new();
    let guard = futures::executor::block_on(timed(trace.clone()).enter());
    let runtime = current_thread();
    runtime.block_on(async {
        drop(guard);
        assert!(drain(LONG).await.is_complete());
    });
    assert_eq!(trace, ["cancelled"]);
}

#[actxmgr]
async fn homeless(polls: u32, trace: Trace) {
    let exit = yield_!();
    trace.push("started");
    for _ in 0..polls {
        yield_now().await;
    }
    trace.push(exit);
}

/// Its runtime is gone: the cleanup gets one poll, and if that is not enough, it is counted and reported.
#[test]
fn cleanup_when_the_runtime_is_gone() {
    let _alone = alone();
    for runtime in [current_thread(), multi_thread()] {
        let before = stats();
        let seen = kinds("homeless").len();
        let (quick, slow) = (Trace::new(), Trace::new());
        let guards = runtime.block_on(async {
            (
                homeless(0, quick.clone()).await,
                homeless(1, slow.clone()).await,
            )
        });
        drop(runtime);
        drop(guards);
        assert_eq!(quick, ["started", "cancelled"]);
        assert_eq!(slow, ["started"]);
        let after = stats();
        assert_eq!(after.detached - before.detached, 2);
        assert_eq!(after.cancelled - before.cancelled, 2);
        assert_eq!(after.abandoned - before.abandoned, 1);
        assert_eq!(after.outstanding, 0);
        assert_eq!(
            kinds("homeless")[seen..],
            [(Kind::Abandoned, Exit::Cancelled)]
        );
    }
}

/// Without any runtime, all that needs none works.
#[test]
fn cleanup_without_tokio() {
    let _alone = alone();
    let before = stats();
    let trace = Trace::new();
    futures::executor::block_on(async {
        no_tokio(0, trace.clone()).scope(async |()| ()).await;
        no_tokio(0, trace.clone()).await.exit().await;
        let got = no_tokio(0, trace.clone())
            .try_scope(async |()| Err::<(), u8>(1))
            .await;
        assert_eq!(got, Err(1));
        drop(no_tokio(0, trace.clone()).await);
        assert_eq!(trace, ["completed", "completed", "failed", "cancelled"]);
        drop(no_tokio(1, trace.clone()).await);
    });
    assert_eq!(trace.events().len(), 4);
    assert_eq!(stats().abandoned - before.abandoned, 1);
    assert_eq!(kinds("no_tokio"), [(Kind::Abandoned, Exit::Cancelled)]);

    #[actxmgr]
    async fn no_tokio(waits: u32, trace: Trace) {
        let exit = yield_!();
        for _ in 0..waits {
            pending::<()>().await;
        }
        trace.push(exit);
    }
}

/// A runtime that shuts down with a cleanup that it has not polled yet gives it its one poll.
#[test]
fn cleanup_when_the_runtime_ends_before_its_first_poll() {
    #[actxmgr]
    async fn unpolled(polls: u32, trace: Trace) {
        let exit = yield_!();
        for _ in 0..polls {
            yield_now().await;
        }
        trace.push(exit);
    }
    let _alone = alone();
    let before = stats();
    let (quick, slow) = (Trace::new(), Trace::new());
    let runtime = current_thread();
    runtime.block_on(async {
        drop(unpolled(0, quick.clone()).await);
        drop(unpolled(1, slow.clone()).await);
    });
    assert_eq!((quick.events().len(), stats().outstanding), (0, 2));
    drop(runtime);
    assert_eq!(quick, ["cancelled"]);
    assert_eq!(slow, []);
    assert_eq!(stats().abandoned - before.abandoned, 1);
    assert_eq!(stats().outstanding, 0);
    assert_eq!(kinds("unpolled"), [(Kind::Abandoned, Exit::Cancelled)]);
}

/// And one that has been started, and is dropped half-way, is reported.
#[test]
fn cleanup_when_the_runtime_ends_midway() {
    #[actxmgr]
    async fn halfway(trace: Trace) {
        let _held = trace.on_drop("dropped");
        yield_!();
        trace.push("started");
        pending::<()>().await;
    }
    let _alone = alone();
    for runtime in [current_thread(), multi_thread()] {
        let seen = kinds("halfway").len();
        let before = stats();
        let trace = Trace::new();
        runtime.block_on(async {
            drop(halfway(trace.clone()).await);
            trace.wait_for("started").await;
        });
        drop(runtime);
        assert_eq!(trace, ["started", "dropped"]);
        assert_eq!(stats().abandoned - before.abandoned, 1);
        assert_eq!(stats().outstanding, 0);
        assert_eq!(
            kinds("halfway")[seen..],
            [(Kind::Abandoned, Exit::Cancelled)]
        );
    }
}

/// A cleanup that panics in its one poll does not bring down whoever drops the guard.
#[test]
fn cleanup_that_panics_in_its_one_poll() {
    #[actxmgr]
    async fn panicking_alone() {
        yield_!();
        panic!("alone");
    }
    let _alone = alone();
    drop(futures::executor::block_on(panicking_alone().enter()));
    assert_eq!(kinds("panicking_alone"), [(Kind::Panic, Exit::Cancelled)]);

    // Also while that one unwinds.
    let thread = thread::spawn(|| {
        let _guard = futures::executor::block_on(panicking_alone().enter());
        panic!("holder");
    });
    assert_eq!(thread.join().unwrap_err().downcast_ref(), Some(&"holder"));
    assert_eq!(
        kinds("panicking_alone")[1..],
        [(Kind::Panic, Exit::Panicked)]
    );
}

/// Managers inside the cleanup of another one, when there is no runtime for any of them.
#[test]
fn cleanup_of_nested_managers_without_a_runtime() {
    #[actxmgr]
    async fn nest_inner(trace: Trace) {
        let exit = yield_!();
        trace.push(format!("inner {exit}"));
    }
    #[actxmgr]
    async fn nest_outer(trace: Trace) {
        let inner = nest_inner(trace.clone()).await;
        let exit = yield_!();
        inner.exit().await;
        trace.push(format!("outer {exit}"));
    }
    #[actxmgr]
    async fn nest_stuck(trace: Trace) {
        let _inner = nest_inner(trace.clone()).await;
        yield_!();
        pending::<()>().await;
    }
    let _alone = alone();
    let trace = Trace::new();
    drop(futures::executor::block_on(
        nest_outer(trace.clone()).enter(),
    ));
    assert_eq!(trace, ["inner completed", "outer cancelled"]);
    let trace = Trace::new();
    drop(futures::executor::block_on(
        nest_stuck(trace.clone()).enter(),
    ));
    assert_eq!(trace, ["inner cancelled"]);
    assert_eq!(kinds("nest_stuck"), [(Kind::Abandoned, Exit::Cancelled)]);
    assert_eq!(reports("nest_inner"), []);
    assert_eq!(stats().outstanding, 0);
}

/// A runtime without timers and sockets is good enough.
#[test]
fn cleanup_on_a_bare_runtime() {
    let _alone = alone();
    let trace = Trace::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        drop(homeless(2, trace.clone()).await);
        while stats().outstanding > 0 {
            yield_now().await;
        }
    });
    assert_eq!(trace, ["started", "cancelled"]);
}

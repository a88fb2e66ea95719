use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use aiotools::cleanup::{drain, stats};
use aiotools::{Exit, actxmgr};
use aiotools_tests::reports::{Kind, kinds, reports};
use aiotools_tests::trace::Trace;
use tokio::task::{LocalSet, yield_now};
use tokio::time::sleep;

use crate::{alone, current_thread, multi_thread};

const LONG: Duration = Duration::from_secs(60);

type Log = Rc<RefCell<Vec<Exit>>>;

/// Uses a timer, and what only its thread may touch.
#[actxmgr(local)]
async fn timed(log: Log) -> Rc<u32> {
    let exit = yield_!(Rc::new(7));
    sleep(Duration::from_millis(1)).await;
    log.borrow_mut().push(exit);
}

/// Drops a guard, an `exit` future and a scope.
async fn leave_three(log: &Log) {
    drop(timed(log.clone()).await);
    drop(timed(log.clone()).await.exit_with(Exit::Failed));
    let mut scope = Box::pin(timed(log.clone()).scope(async |_| pending::<()>().await));
    assert!(futures::poll!(&mut scope).is_pending());
}

fn has_three(log: &Log) {
    let mut names: Vec<_> = log.borrow().iter().map(Exit::to_string).collect();
    names.sort();
    assert_eq!(names, ["cancelled", "cancelled", "failed"]);
}

#[test]
fn cleanup_local_in_block_on() {
    let _alone = alone();
    let log = Log::default();
    current_thread().block_on(async {
        leave_three(&log).await;
        assert!(drain(LONG).await.is_complete());
    });
    has_three(&log);
}

/// The same thread drives the runtime again, later.
#[test]
fn cleanup_local_goes_on_in_the_next_block_on() {
    let _alone = alone();
    let log = Log::default();
    let runtime = current_thread();
    let guard = runtime.block_on(async {
        leave_three(&log).await;
        timed(log.clone()).await
    });
    drop(guard);
    assert_eq!(stats().outstanding, 4);
    assert!(runtime.block_on(drain(LONG)).is_complete());
    assert_eq!(log.borrow().len(), 4);
}

#[test]
fn cleanup_local_in_a_local_set() {
    let _alone = alone();
    for runtime in [current_thread(), multi_thread()] {
        let log = Log::default();
        let seen = log.clone();
        LocalSet::new().block_on(&runtime, async move {
            leave_three(&seen).await;
            tokio::task::spawn_local(async move { leave_three(&seen).await })
                .await
                .unwrap();
            assert!(drain(LONG).await.is_complete());
        });
        assert_eq!(log.borrow().len(), 6);
    }
}

#[test]
fn cleanup_local_in_a_local_runtime() {
    let _alone = alone();
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        leave_three(&log).await;
        assert!(drain(LONG).await.is_complete());
    });
    has_three(&log);
}

#[actxmgr(local)]
async fn unhoused(polls: u32, log: Log) {
    let exit = yield_!();
    log.borrow_mut().push(exit);
    for _ in 0..polls {
        yield_now().await;
    }
    log.borrow_mut().push(exit);
}

/// A multi-thread runtime has no place for it outside of a `LocalSet`: one poll, and a report.
#[test]
fn cleanup_local_on_a_multi_thread_runtime() {
    let _alone = alone();
    let seen = kinds("unhoused").len();
    let before = stats();
    let log = Log::default();
    multi_thread().block_on(async {
        drop(unhoused(0, log.clone()).await);
        assert_eq!(log.borrow().len(), 2);
        drop(unhoused(1, log.clone()).await);
        assert_eq!(log.borrow().len(), 3);
    });
    assert_eq!(stats().abandoned - before.abandoned, 1);
    assert_eq!(stats().outstanding, 0);
    assert_eq!(
        kinds("unhoused")[seen..],
        [(Kind::Abandoned, Exit::Cancelled)]
    );
}

/// A `LocalSet` that ends, and a runtime that ends, give a cleanup that they have not polled its one poll.
#[test]
fn cleanup_local_when_its_place_ends() {
    let _alone = alone();
    let seen = kinds("unhoused").len();
    let log = Log::default();
    let runtime = multi_thread();
    LocalSet::new().block_on(&runtime, async {
        drop(unhoused(0, log.clone()).await);
        drop(unhoused(1, log.clone()).await);
    });
    assert_eq!(log.borrow().len(), 3);
    assert_eq!(
        kinds("unhoused")[seen..],
        [(Kind::Abandoned, Exit::Cancelled)]
    );

    let log = Log::default();
    let runtime = current_thread();
    runtime.block_on(async {
        drop(unhoused(0, log.clone()).await);
        drop(unhoused(1, log.clone()).await);
    });
    assert_eq!(log.borrow().len(), 0);
    drop(runtime);
    assert_eq!(log.borrow().len(), 3);
    assert_eq!(
        kinds("unhoused")[seen + 1..],
        [(Kind::Abandoned, Exit::Cancelled)]
    );
    assert_eq!(stats().outstanding, 0);
}

#[test]
fn cleanup_local_without_tokio() {
    let _alone = alone();
    let log = Log::default();
    futures::executor::block_on(async {
        unhoused(0, log.clone()).scope(async |()| ()).await;
        drop(unhoused(0, log.clone()).await);
    });
    assert_eq!(log.borrow().len(), 4);
}

/// A runtime that moves to another thread and ends there: what only the first thread may touch is
/// leaked, and that is counted and reported.
#[test]
fn cleanup_local_when_its_runtime_ends_on_another_thread() {
    #[actxmgr(local)]
    async fn left_behind(trace: Trace) -> Rc<()> {
        let _held = trace.on_drop("dropped");
        yield_!(Rc::new(()));
        trace.push("started");
    }
    let _alone = alone();
    let before = stats();
    let trace = Trace::new();
    let runtime = current_thread();
    runtime.block_on(async { drop(left_behind(trace.clone()).await) });
    thread::spawn(move || {
        // It is driven there too, which must not touch the cleanup.
        let drained = runtime.block_on(drain(Duration::from_millis(10)));
        assert_eq!(drained.outstanding(), 1);
        drop(runtime);
    })
    .join()
    .unwrap();
    assert_eq!(trace, []);
    assert_eq!(kinds("left_behind"), [(Kind::Abandoned, Exit::Cancelled)]);
    assert_eq!(stats().abandoned - before.abandoned, 1);
    assert_eq!(stats().outstanding, 0);
    assert!(futures::executor::block_on(drain(LONG)).is_complete());
}

/// A `local` manager that holds nothing of its thread gives a guard that is `Send`. Its cleanup stays on
/// the thread where the guard is dropped.
#[test]
fn cleanup_local_of_a_guard_that_moved() {
    #[actxmgr(local)]
    async fn movable(polls: u32, trace: Trace) {
        let exit = yield_!();
        for _ in 0..polls {
            yield_now().await;
        }
        trace.push(exit);
    }
    let _alone = alone();
    let trace = Trace::new();
    let home = current_thread();
    let enter = |polls| home.block_on(movable(polls, trace.clone()).enter());
    let (alone, stuck, elsewhere) = (enter(0), enter(1), enter(1));
    thread::spawn(move || {
        drop((alone, stuck));
        current_thread().block_on(async {
            drop(elsewhere);
            assert!(drain(LONG).await.is_complete());
        });
    })
    .join()
    .unwrap();
    assert_eq!(trace, ["cancelled", "cancelled"]);
    assert_eq!(kinds("movable"), [(Kind::Abandoned, Exit::Cancelled)]);
    assert!(home.block_on(drain(LONG)).is_complete());
}

/// Errors of local managers are reported as others are.
#[test]
fn cleanup_local_reports() {
    #[actxmgr(local)]
    async fn local_failing(error: Rc<str>) -> Result<(), Rc<str>> {
        yield_!();
        yield_now().await;
        Err(error)
    }
    let _alone = alone();
    current_thread().block_on(async {
        drop(local_failing("no".into()).await.unwrap());
        assert!(drain(LONG).await.is_complete());
    });
    let [report] = &reports("local_failing")[..] else {
        panic!("one report");
    };
    assert_eq!((report.kind, report.exit), (Kind::Error, Exit::Cancelled));
    assert!(report.text.ends_with(r#"failed: "no""#));
}

use std::thread;
use std::time::Duration;

use aiotools::cleanup::{drain, stats};
use aiotools::{AsyncExitStack, Exit, actxgroup, actxmgr};
use aiotools_tests::reports::{Kind, kinds};
use aiotools_tests::trace::Trace;
use tokio::task::yield_now;

use crate::{alone, current_thread, multi_thread};

const LONG: Duration = Duration::from_secs(60);

#[actxmgr]
async fn piled(id: u32, pauses: u32, trace: Trace) {
    let exit = yield_!();
    trace.push(format!("{id} {exit}"));
    for _ in 0..pauses {
        yield_now().await;
    }
    trace.push(format!("{id} cleaned"));
}

async fn pile(pauses: [u32; 3], trace: &Trace) -> AsyncExitStack {
    let stack = AsyncExitStack::new();
    for (id, pauses) in (0..).zip(pauses) {
        let Ok(()) = stack.enter(piled(id, pauses, trace.clone())).await;
    }
    let trace = trace.clone();
    stack.push_callback(move |exit| trace.push(format!("callback {exit}")));
    stack
}

/// A stack in the background is one task, and each of its entries counts as a manager that was left.
#[test]
fn cleanup_exit_stack_is_counted() {
    let _alone = alone();
    let before = stats();
    let trace = Trace::new();
    current_thread().block_on(async {
        drop(pile([1; 3], &trace).await);
        assert_eq!(stats().outstanding, 1);
        assert!(drain(LONG).await.is_complete());
        pile([1; 3], &trace)
            .await
            .exit_with(Exit::Failed)
            .await
            .unwrap();
        drop(AsyncExitStack::new());
        drop(pile([1; 3], &trace).await.exit());
        assert!(drain(LONG).await.is_complete());
    });
    let now = stats();
    assert_eq!(now.detached - before.detached, 2);
    assert_eq!(now.cancelled - before.cancelled, 4);
    assert_eq!(now.failed - before.failed, 4);
    assert_eq!(now.completed - before.completed, 4);
    assert_eq!(now.abandoned, before.abandoned);
}

/// Dropped on a thread without a runtime, it goes back to the one where it was first used.
#[test]
fn cleanup_exit_stack_dropped_on_a_plain_thread() {
    let _alone = alone();
    for runtime in [current_thread(), multi_thread()] {
        let trace = Trace::new();
        let stack = runtime.block_on(pile([1; 3], &trace));
        thread::spawn(move || drop(stack)).join().unwrap();
        assert!(runtime.block_on(drain(LONG)).is_complete());
        assert_eq!(
            trace,
            [
                "callback cancelled",
                "2 cancelled",
                "2 cleaned",
                "1 cancelled",
                "1 cleaned",
                "0 cancelled",
                "0 cleaned"
            ]
        );
    }
}

/// A runtime that ends gives each entry its one poll, in order; what does not come to its end is reported.
#[test]
fn cleanup_exit_stack_when_its_runtime_ends() {
    let _alone = alone();
    for polled_before in [false, true] {
        let seen = kinds("piled").len();
        let before = stats();
        let trace = Trace::new();
        let runtime = current_thread();
        runtime.block_on(async {
            drop(pile([0, 1, 1000], &trace).await);
            if polled_before {
                trace.wait_for("2 cancelled").await;
            }
        });
        drop(runtime);
        assert_eq!(
            trace,
            [
                "callback cancelled",
                "2 cancelled",
                "1 cancelled",
                "0 cancelled",
                "0 cleaned"
            ]
        );
        assert_eq!(
            kinds("piled")[seen..],
            [(Kind::Abandoned, Exit::Cancelled); 2]
        );
        assert_eq!(stats().abandoned - before.abandoned, 2);
        assert_eq!(stats().outstanding, 0);
    }
}

/// A panic while a stack is dropped says so, also to those below an entry that panics.
#[test]
fn cleanup_exit_stack_dropped_by_a_panic() {
    let _alone = alone();
    let trace = Trace::new();
    let before = stats();
    current_thread().block_on(async {
        let inside = trace.clone();
        let task = tokio::spawn(async move {
            let stack = pile([1; 3], &inside).await;
            stack.push_callback(|exit| assert!(exit.is_completed()));
            std::panic::resume_unwind(Box::new("the body"));
        });
        assert!(task.await.is_err());
        assert!(drain(LONG).await.is_complete());
    });
    assert_eq!(trace.count("callback panicked"), 1);
    assert_eq!(trace.count("0 panicked"), 1);
    assert_eq!(stats().panicked - before.panicked, 5);
    assert_eq!(stats().cleanup_panics - before.cleanup_panics, 1);
    assert_eq!(
        kinds("a callback of an exit stack"),
        [(Kind::Panic, Exit::Panicked)]
    );
}

/// Each member of a group is in the background for itself.
#[test]
fn cleanup_group_is_counted() {
    let _alone = alone();
    let before = stats();
    let trace = Trace::new();
    current_thread().block_on(async {
        let Ok(group) = actxgroup((0..3).map(|id| piled(id, 1, trace.clone()))).await;
        drop(group);
        assert_eq!(stats().outstanding, 3);
        assert!(drain(LONG).await.is_complete());
    });
    assert_eq!(stats().detached - before.detached, 3);
    assert_eq!(stats().cancelled - before.cancelled, 3);
}

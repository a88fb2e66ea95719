//! Futures of managers that are dropped: by a timeout, by `select!`, by an abort; in the set-up, in the
//! body, in the cleanup; on both kinds of runtime (G1).

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aiotools::{Exit, actxmgr};
use aiotools_tests::trace::Trace;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const STEP: Duration = Duration::from_millis(10);

#[actxmgr]
async fn inner(trace: Trace) {
    trace.push("inner entered");
    let exit = yield_!();
    sleep(STEP).await;
    trace.push(format!("inner {exit}"));
}

/// Goes through its stages one by one, as the gate is opened.
#[actxmgr]
async fn staged(trace: Trace, gate: Arc<Semaphore>) -> u32 {
    let _made = trace.on_drop("made dropped");
    let inner = inner(trace.clone()).await;
    trace.push("setting up");
    pass(&gate).await;
    let exit = yield_!(7);
    trace.push("cleaning up");
    pass(&gate).await;
    inner.exit().await;
    trace.push(exit);
}

async fn pass(gate: &Semaphore) {
    gate.acquire().await.unwrap().forget();
}

fn gate(open: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(open))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Timeout,
    Select,
    Abort,
}

impl Cut {
    /// Drops `future` in one of the ways there are, once it has come to `event`.
    async fn at(
        self,
        event: &str,
        trace: &Trace,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        match self {
            Self::Timeout => assert!(timeout(STEP, future).await.is_err()),
            Self::Select => tokio::select! {
                () = future => unreachable!("it waits"),
                () = trace.wait_for(event) => {}
            },
            Self::Abort => {
                let task = tokio::spawn(future);
                trace.wait_for(event).await;
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        }
        assert_eq!(trace.count(event), 1);
    }
}

/// Runs `test` in virtual time, and again on worker threads. A timeout in real time might come before
/// anything else.
fn on_both_runtimes<F: Future<Output = ()> + Send + 'static>(test: impl Fn(Cut) -> F) {
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    for cut in [Cut::Timeout, Cut::Select, Cut::Abort] {
        current.block_on(test(cut));
    }
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for cut in [Cut::Select, Cut::Abort] {
        multi.block_on(async { tokio::spawn(test(cut)).await.unwrap() });
    }
}

/// Not entered, so nothing to clean up: what was made is dropped, and the manager inside, which was
/// entered, cleans up by itself.
#[test]
fn context_cancelled_in_the_setup() {
    on_both_runtimes(|cut| async move {
        for scope in [false, true] {
            let trace = Trace::new();
            let manager = staged(trace.clone(), gate(0));
            let future = async move {
                if scope {
                    manager.scope(async |_| ()).await;
                } else {
                    manager.await.exit().await;
                }
            };
            cut.at("setting up", &trace, future).await;
            trace.wait_for("inner cancelled").await;
            yield_now().await;
            assert_eq!(
                trace,
                [
                    "inner entered",
                    "setting up",
                    "made dropped",
                    "inner cancelled"
                ],
                "{cut:?}"
            );
        }
    });
}

#[test]
fn context_cancelled_in_the_body() {
    on_both_runtimes(|cut| async move {
        let trace = Trace::new();
        let seen = trace.clone();
        let manager = staged(trace.clone(), gate(2));
        let future = async move {
            manager
                .scope(async |_| {
                    let _body = seen.on_drop("body dropped");
                    seen.push("body");
                    pending::<()>().await;
                })
                .await;
        };
        cut.at("body", &trace, future).await;
        trace.wait_for("made dropped").await;
        assert_eq!(
            trace,
            [
                "inner entered",
                "setting up",
                "body",
                "body dropped",
                "cleaning up",
                "inner completed",
                "cancelled",
                "made dropped"
            ],
            "{cut:?}"
        );
    });
}

#[test]
fn context_cancelled_with_a_guard_in_hand() {
    on_both_runtimes(|cut| async move {
        let trace = Trace::new();
        let seen = trace.clone();
        let manager = staged(trace.clone(), gate(2));
        let future = async move {
            let _guard = manager.await;
            seen.push("body");
            pending::<()>().await;
        };
        cut.at("body", &trace, future).await;
        trace.wait_for("made dropped").await;
        assert_eq!(
            trace,
            [
                "inner entered",
                "setting up",
                "body",
                "cleaning up",
                "inner completed",
                "cancelled",
                "made dropped"
            ],
            "{cut:?}"
        );
    });
}

/// A cleanup that has started is not cancelled, and it has been told how the body ended.
#[test]
fn context_cancelled_in_the_cleanup() {
    on_both_runtimes(|cut| async move {
        for (form, told) in [
            ("exit", "completed"),
            ("exit_with", "failed"),
            ("scope", "completed"),
            ("try_scope", "failed"),
            ("panic", "panicked"),
        ] {
            let trace = Trace::new();
            let gate = gate(1);
            let manager = staged(trace.clone(), gate.clone());
            let future = async move {
                match form {
                    "exit" => manager.await.exit().await,
                    "exit_with" => manager.await.exit_with(Exit::Failed).await,
                    "scope" => manager.scope(async |_| ()).await,
                    "try_scope" => drop(manager.try_scope(async |_| Err::<(), ()>(())).await),
                    _ => manager.scope(async |_| panic!("body")).await,
                }
            };
            cut.at("cleaning up", &trace, future).await;
            assert_eq!(
                trace,
                ["inner entered", "setting up", "cleaning up"],
                "{cut:?} {form}"
            );
            gate.add_permits(1);
            trace.wait_for("made dropped").await;
            assert_eq!(
                trace,
                [
                    "inner entered",
                    "setting up",
                    "cleaning up",
                    "inner completed",
                    told,
                    "made dropped"
                ],
                "{cut:?} {form}"
            );
        }
    });
}

/// Dropped before its first poll, an `exit` future has said `Completed` all the same.
#[tokio::test(start_paused = true)]
async fn context_exit_future_is_dropped_unpolled() {
    let trace = Trace::new();
    drop(staged(trace.clone(), gate(2)).await.exit());
    trace.wait_for("completed").await;
    drop(staged(trace.clone(), gate(2)).await.exit_with(Exit::Failed));
    trace.wait_for("failed").await;
}

/// Polled once and dropped, an `exit` future goes on where it stands, in another task.
#[tokio::test(start_paused = true)]
async fn context_exit_future_is_dropped_midway() {
    let trace = Trace::new();
    let gate = gate(1);
    {
        let mut exit = pin!(staged(trace.clone(), gate.clone()).await.exit());
        assert!(futures::poll!(&mut exit).is_pending());
    }
    gate.add_permits(1);
    trace.wait_for("made dropped").await;
    assert_eq!(
        trace,
        [
            "inner entered",
            "setting up",
            "cleaning up",
            "inner completed",
            "completed",
            "made dropped"
        ]
    );
}

/// A scope is dropped while an inner scope is in its body: inner before outer.
#[tokio::test(start_paused = true)]
async fn context_nested_scopes_are_cancelled_from_the_inside() {
    #[actxmgr]
    async fn named(name: &'static str, trace: Trace) {
        let exit = yield_!();
        trace.push(format!("{name} {exit}"));
    }
    let trace = Trace::new();
    let seen = trace.clone();
    let nested = named("outer", seen.clone()).scope(async |()| {
        named("inner", seen.clone())
            .scope(async |()| {
                let _body = seen.on_drop("body dropped");
                pending::<()>().await;
            })
            .await;
    });
    assert!(timeout(STEP / 2, nested).await.is_err());
    trace.wait_for("outer cancelled").await;
    assert_eq!(
        trace,
        ["body dropped", "inner cancelled", "outer cancelled"]
    );
}

/// A scoped manager is resumed and polled once, at the drop.
#[tokio::test(start_paused = true)]
async fn context_scoped_is_cancelled() {
    #[actxmgr(scoped)]
    async fn one_poll(trace: &Trace) -> &mut u32 {
        let mut n = 1;
        let _made = trace.on_drop("made dropped");
        let exit = yield_!(&mut n);
        trace.push(exit);
    }
    #[actxmgr(scoped)]
    async fn two_polls(trace: &Trace) {
        let _made = trace.on_drop("made dropped");
        let exit = yield_!();
        trace.push(exit);
        yield_now().await;
        trace.push("not reached");
    }
    let trace = Trace::new();
    let cut = timeout(
        STEP,
        one_poll(&trace).scope(async |n| {
            let _body = trace.on_drop("body dropped");
            *n = 2;
            pending::<()>().await;
        }),
    );
    assert!(cut.await.is_err());
    assert_eq!(trace, ["body dropped", "cancelled", "made dropped"]);

    let trace = Trace::new();
    assert!(
        timeout(
            STEP,
            two_polls(&trace).scope(async |()| pending::<()>().await)
        )
        .await
        .is_err()
    );
    assert_eq!(trace, ["cancelled", "made dropped"]);

    // In the cleanup: it has been told already, and gets one poll more.
    #[actxmgr(scoped)]
    async fn three_polls(trace: &Trace) {
        let exit = yield_!();
        trace.push(exit);
        yield_now().await;
        trace.push("second poll");
        yield_now().await;
        trace.push("not reached");
    }
    let trace = Trace::new();
    {
        let mut scope = pin!(three_polls(&trace).scope(async |()| ()));
        assert!(futures::poll!(&mut scope).is_pending());
        assert_eq!(trace, ["completed"]);
    }
    assert_eq!(trace, ["completed", "second poll"]);
}

/// A default manager that a scoped one holds is taken over by the runtime.
#[tokio::test(start_paused = true)]
async fn context_scoped_holds_a_default_manager() {
    #[actxmgr(scoped)]
    async fn holder(trace: &Trace) {
        let held = inner(trace.clone()).await;
        yield_!();
        trace.push("leaving");
        held.exit().await;
        trace.push("not reached");
    }
    let trace = Trace::new();
    assert!(
        timeout(STEP, holder(&trace).scope(async |()| pending::<()>().await))
            .await
            .is_err()
    );
    trace.wait_for("inner completed").await;
    assert_eq!(trace, ["inner entered", "leaving", "inner completed"]);
}

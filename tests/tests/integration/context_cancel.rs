//! Futures of managers that are dropped: by a timeout, by `select!`, by an abort; in the set-up, in the
//! body, in the cleanup; on both kinds of runtime (G1).

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use aiotools::{Exit, actxmgr};
use aiotools_tests::trace::Trace;
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

/// Takes one step to set up, and one to clean up.
#[actxmgr]
async fn staged(trace: Trace) -> u32 {
    let _made = trace.on_drop("made dropped");
    let inner = inner(trace.clone()).await;
    sleep(STEP).await;
    trace.push("entered");
    let exit = yield_!(7);
    sleep(STEP).await;
    inner.exit().await;
    trace.push(exit);
}

async fn stay(trace: &Trace) {
    let _body = trace.on_drop("body dropped");
    sleep(STEP).await;
}

/// Who drops the future, and when.
async fn cut(how: &str, after: Duration, future: impl Future<Output = ()> + Send + 'static) {
    match how {
        "timeout" => drop(timeout(after, future).await),
        "select" => tokio::select! {
            () = future => {}
            () = sleep(after) => {}
        },
        "abort" => {
            let task = tokio::spawn(future);
            sleep(after).await;
            task.abort();
            drop(task.await);
        }
        _ => unreachable!("{how}"),
    }
}

const HOWS: [&str; 3] = ["timeout", "select", "abort"];

/// Runs `test` in virtual time, and again on worker threads.
fn on_both_runtimes<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    current.block_on(test());
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    multi.block_on(async { tokio::spawn(test()).await.unwrap() });
}

/// Not entered, so nothing to clean up: what was made is dropped, and the manager inside, which was
/// entered, cleans up by itself.
#[test]
fn context_cancelled_in_the_setup() {
    on_both_runtimes(|| async {
        for how in HOWS {
            for scope in [false, true] {
                let trace = Trace::new();
                let seen = trace.clone();
                cut(how, STEP / 2, async move {
                    if scope {
                        staged(seen).scope(async |_| pending::<()>().await).await;
                    } else {
                        drop(staged(seen).await);
                    }
                })
                .await;
                trace.wait_for("inner cancelled").await;
                sleep(2 * STEP).await;
                assert_eq!(
                    trace,
                    ["inner entered", "made dropped", "inner cancelled"],
                    "{how}"
                );
            }
        }
    });
}

#[test]
fn context_cancelled_in_the_body() {
    on_both_runtimes(|| async {
        for how in HOWS {
            let trace = Trace::new();
            let seen = trace.clone();
            cut(how, 3 * STEP, async move {
                staged(seen.clone())
                    .scope(async |_| {
                        let _body = seen.on_drop("body dropped");
                        pending::<()>().await;
                    })
                    .await;
            })
            .await;
            trace.wait_for("made dropped").await;
            assert_eq!(
                trace,
                [
                    "inner entered",
                    "entered",
                    "body dropped",
                    "inner completed",
                    "cancelled",
                    "made dropped"
                ],
                "{how}"
            );
        }
    });
}

#[test]
fn context_cancelled_with_a_guard_in_hand() {
    on_both_runtimes(|| async {
        for how in HOWS {
            let trace = Trace::new();
            let seen = trace.clone();
            cut(how, 3 * STEP, async move {
                let _guard = staged(seen).await;
                pending::<()>().await;
            })
            .await;
            trace.wait_for("made dropped").await;
            assert_eq!(
                trace,
                [
                    "inner entered",
                    "entered",
                    "inner completed",
                    "cancelled",
                    "made dropped"
                ],
                "{how}"
            );
        }
    });
}

/// A cleanup that has started is not cancelled, and it has been told how the body ended.
#[test]
fn context_cancelled_in_the_cleanup() {
    on_both_runtimes(|| async {
        for how in HOWS {
            for (form, told) in [
                ("guard", "completed"),
                ("scope", "completed"),
                ("try_scope", "failed"),
                ("exit_with", "failed"),
            ] {
                let trace = Trace::new();
                let seen = trace.clone();
                cut(how, 50 * STEP, async move {
                    let manager = slow(seen.clone());
                    match form {
                        "guard" => manager.await.exit().await,
                        "exit_with" => manager.await.exit_with(Exit::Failed).await,
                        "scope" => manager.scope(async |_| ()).await,
                        _ => manager
                            .try_scope(async |_| Err::<(), ()>(()))
                            .await
                            .unwrap_or(()),
                    }
                    seen.push("not cut");
                })
                .await;
                assert_eq!(trace, ["cleaning"], "{how} {form}");
                trace.wait_for(told).await;
                assert_eq!(trace, ["cleaning", told], "{how} {form}");
            }
        }
    });

    #[actxmgr]
    async fn slow(trace: Trace) -> u32 {
        let exit = yield_!(7);
        trace.push("cleaning");
        sleep(70 * STEP).await;
        trace.push(exit);
    }
}

/// Dropped before its first poll, an `exit` future has said `Completed` all the same.
#[test]
fn context_exit_future_is_dropped_unpolled() {
    on_both_runtimes(|| async {
        let trace = Trace::new();
        drop(staged(trace.clone()).await.exit());
        trace.wait_for("made dropped").await;
        assert_eq!(trace.count("completed"), 1);

        drop(staged(trace.clone()).await.exit_with(Exit::Failed));
        trace.wait_for("failed").await;
    });
}

/// Polled once and dropped, an `exit` future goes on where it stands, in another task.
#[tokio::test(start_paused = true)]
async fn context_exit_future_is_dropped_midway() {
    let trace = Trace::new();
    {
        let mut exit = pin!(staged(trace.clone()).await.exit());
        assert!(futures::poll!(&mut exit).is_pending());
    }
    trace.wait_for("made dropped").await;
    assert_eq!(
        trace,
        [
            "inner entered",
            "entered",
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
            .scope(async |()| stay(&seen).await)
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

use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use aiotools::cleanup::CleanupTimedOut;
use aiotools::context::{ExitStackError, Mut};
use aiotools::{AsyncContextManager, AsyncExitStack, BoxError, Exit, TaskGroup, actxmgr};
use aiotools_tests::reports::{Kind, keep_reports, kinds};
use aiotools_tests::trace::Trace;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Lets what is in the background come to its end. Not `drain`, which waits for other tests too.
async fn settled() {
    sleep(Duration::from_secs(60)).await;
}

#[actxmgr]
async fn slow(id: u32, trace: Trace) -> Result<&mut u32, String> {
    sleep(SECOND).await;
    let mut kept = id;
    let exit = yield_!(&mut kept);
    trace.push(format!("{kept} {exit}"));
    sleep(SECOND).await;
    trace.push(format!("{kept} cleaned"));
    Ok(())
}

struct ByHand(u32, Trace);

impl AsyncContextManager for ByHand {
    type Lend = Mut<u32>;
    type Error = std::io::Error;

    async fn enter(&mut self) -> std::io::Result<&mut u32> {
        Ok(&mut self.0)
    }

    async fn exit(self, exit: Exit) -> std::io::Result<()> {
        self.1.push(format!("{} {exit}", self.0));
        Ok(())
    }
}

/// Values of several managers are in use at the same time, in a task that may move; all is left last in, first
/// out, one after the other.
#[tokio::test(start_paused = true)]
async fn exit_stack_lends_and_unwinds() {
    let trace = Trace::new();
    let seen = trace.clone();
    let start = Instant::now();
    tokio::spawn(async move {
        let stack = AsyncExitStack::new();
        assert!(stack.is_empty());
        let a = stack.enter(slow(1, trace.clone())).await?;
        let log = trace.clone();
        stack.push_async_callback(|exit| async move {
            sleep(SECOND).await;
            log.push(format!("async {exit}"));
        });
        let b = stack.enter(ByHand(2, trace.clone())).await?;
        let log = trace.clone();
        stack.push_callback(move |exit| log.push(format!("sync {exit}")));
        yield_now().await;
        std::mem::swap(a, b);
        *b += 10;
        assert_eq!(stack.len(), 4);
        stack.exit().await?;
        Ok::<_, BoxError>(())
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!(
        seen,
        [
            "sync completed",
            "11 completed",
            "async completed",
            "2 completed",
            "2 cleaned"
        ]
    );
    assert_eq!(start.elapsed(), 3 * SECOND);
}

/// What two managers and the callback between them do when they are left.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Well,
    Error,
    Panic,
}

impl Does {
    fn it(self, error: u32) -> Result<(), u32> {
        match self {
            Self::Well => Ok(()),
            Self::Error => Err(error),
            Self::Panic => resume_unwind(Box::new(error)),
        }
    }
}

/// All run, through every error and panic; the first comes out, the others go to the hook; those below a failure
/// are told.
#[tokio::test]
async fn exit_stack_goes_on_through_errors_and_panics() {
    use Does::{Error, Panic, Well};
    #[actxmgr]
    async fn stacked(id: u32, does: Does, trace: Trace) -> Result<u32, u32> {
        let exit = yield_!(id);
        trace.push(format!("{id} {exit}"));
        yield_now().await;
        does.it(id)
    }
    keep_reports();
    let cases = [
        ([Well, Well, Well], ["completed"; 3], None),
        (
            [Error, Well, Well],
            ["completed", "failed", "failed"],
            Some(Error),
        ),
        (
            [Well, Panic, Well],
            ["completed", "completed", "panicked"],
            Some(Panic),
        ),
        (
            [Error, Panic, Error],
            ["completed", "failed", "failed"],
            Some(Error),
        ),
        (
            [Panic, Error, Panic],
            ["completed", "panicked", "panicked"],
            Some(Panic),
        ),
    ];
    for (does, told, first) in cases {
        let trace = Trace::new();
        let before = kinds("stacked").len();
        let stack = AsyncExitStack::new();
        for id in (0..3).rev() {
            let got = stack
                .enter(stacked(id, does[id as usize], trace.clone()))
                .await;
            assert_eq!(got, Ok(id));
        }
        let exit = AssertUnwindSafe(stack.exit()).catch_unwind().await;
        let wanted: Vec<_> = told
            .iter()
            .enumerate()
            .map(|(id, exit)| format!("{id} {exit}"))
            .collect();
        assert_eq!(trace.events(), wanted);
        let id = does
            .iter()
            .position(|does| *does != Well)
            .unwrap_or_default() as u32;
        match first {
            None => assert!(exit.unwrap().is_ok()),
            Some(Error) => {
                let error = exit.unwrap().unwrap_err();
                assert_eq!(error.downcast_ref(), Some(&id));
                assert_eq!(error.exit(), Exit::Completed);
                assert!(error.manager().ends_with("::stacked"));
                assert!(
                    error
                        .to_string()
                        .ends_with(&format!("::stacked` (completed) failed: {id}"))
                );
                assert_eq!(
                    error
                        .downcast::<String>()
                        .unwrap_err()
                        .downcast::<u32>()
                        .unwrap(),
                    id
                );
            }
            _ => assert_eq!(exit.unwrap_err().downcast_ref(), Some(&id)),
        }
        let failures = does.iter().filter(|does| **does != Well).count();
        let reported = kinds("stacked").split_off(before);
        assert_eq!(reported.len(), failures.saturating_sub(1), "{does:?}");
        let later = does.iter().filter(|does| **does != Well).skip(1);
        for (kind, does) in reported.iter().zip(later) {
            assert_eq!(
                kind.0,
                if *does == Error {
                    Kind::Error
                } else {
                    Kind::Panic
                }
            );
        }
    }
}

/// Dropped without `exit`, it unwinds in the background: in the same order, one after the other.
#[tokio::test(start_paused = true)]
async fn exit_stack_dropped() {
    let trace = Trace::new();
    let start = Instant::now();
    let stack = AsyncExitStack::new();
    *stack.enter(slow(1, trace.clone())).await.unwrap() += 10;
    stack.enter(slow(2, trace.clone())).await.unwrap();
    drop(stack);
    assert_eq!(trace, []);
    trace.wait_for("11 cleaned").await;
    assert_eq!(
        trace,
        ["2 cancelled", "2 cleaned", "11 cancelled", "11 cleaned"]
    );
    assert_eq!(start.elapsed(), 4 * SECOND);
}

/// An `exit` that is dropped on its way, or before it began: the rest goes on, told the same; an error that it had
/// seen is reported.
#[tokio::test(start_paused = true)]
async fn exit_stack_exit_dropped() {
    #[actxmgr]
    async fn dropped_on_its_way(trace: Trace) -> Result<(), u32> {
        let exit = yield_!();
        trace.push(exit);
        sleep(SECOND).await;
        Err(1)
    }
    keep_reports();
    let trace = Trace::new();
    let stack = AsyncExitStack::new();
    for _ in 0..3 {
        stack
            .enter(dropped_on_its_way(trace.clone()))
            .await
            .unwrap();
    }
    assert!(timeout(SECOND * 3 / 2, stack.exit()).await.is_err());
    let failed = (Kind::Error, Exit::Completed);
    assert_eq!(kinds("dropped_on_its_way"), [failed]);
    settled().await;
    assert_eq!(trace, ["completed", "failed", "failed"]);
    assert_eq!(kinds("dropped_on_its_way").len(), 3);

    let trace = Trace::new();
    let stack = AsyncExitStack::new();
    stack.enter(slow(1, trace.clone())).await.unwrap();
    drop(stack.exit_with(Exit::Failed));
    settled().await;
    assert_eq!(trace, ["1 failed", "1 cleaned"]);
}

/// Cut at each suspension point, whoever was entered is left once, in order.
#[tokio::test(start_paused = true)]
async fn exit_stack_cut_at_each_suspension_point() {
    #[actxmgr]
    async fn member(id: u32, trace: Trace) -> Result<u32, u32> {
        yield_now().await;
        trace.push(format!("+{id}"));
        yield_!(id);
        yield_now().await;
        trace.push(format!("-{id}"));
        if id == 1 { Err(id) } else { Ok(()) }
    }
    async fn work(form: u32, trace: Trace) {
        let body = async |stack: &AsyncExitStack| {
            for id in 0..3 {
                let entered = stack.enter(member(id, trace.clone())).await;
                assert_eq!(entered, Ok(id));
                let trace = trace.clone();
                trace.push(format!("+{}", 10 + id));
                stack.push_async_callback(move |_| async move {
                    yield_now().await;
                    trace.push(format!("-{}", 10 + id));
                });
            }
            yield_now().await;
        };
        match form {
            0 => {
                let stack = AsyncExitStack::new();
                body(&stack).await;
                stack.exit().await.unwrap_err();
            }
            1 => {
                AsyncExitStack::scope(body).await.unwrap_err();
            }
            _ => {
                let failed = AsyncExitStack::try_scope(async |stack| {
                    body(stack).await;
                    Err::<(), BoxError>("the body".into())
                });
                assert_eq!(failed.await.unwrap_err().to_string(), "the body");
            }
        }
    }
    let mut cuts = 0;
    for form in 0..3 {
        for polls in 0..100 {
            let trace = Trace::new();
            let mut work = Box::pin(work(form, trace.clone()));
            let mut done = false;
            for _ in 0..polls {
                done = futures::poll!(&mut work).is_ready();
                if done {
                    break;
                }
                yield_now().await;
            }
            drop(work);
            settled().await;
            let mut open = Vec::new();
            for event in trace.events() {
                match event.strip_prefix('+') {
                    Some(id) => open.push(id.to_owned()),
                    None => assert_eq!(open.pop().as_deref(), event.strip_prefix('-')),
                }
            }
            assert_eq!(open, [""; 0], "{form} {polls}");
            if done {
                break;
            }
            cuts += 1;
            assert!(polls < 99, "it comes to an end");
        }
    }
    assert!(cuts > 20, "{cuts}");
}

/// A manager that cannot be entered leaves the stack as it was.
#[tokio::test(start_paused = true)]
async fn exit_stack_enter_that_fails() {
    #[actxmgr]
    async fn refused(panics: bool, trace: Trace) -> Result<&mut u32, String> {
        let _dropped = trace.on_drop("dropped");
        sleep(SECOND).await;
        assert!(!panics);
        Err("no".to_owned())?;
        yield_!(&mut 1);
        Ok(())
    }
    let trace = Trace::new();
    let stack = AsyncExitStack::new();
    stack.enter(slow(1, trace.clone())).await.unwrap();
    let error = stack.enter(refused(false, trace.clone())).await;
    assert_eq!(error.unwrap_err(), "no");
    let cut = timeout(SECOND / 2, stack.enter(refused(false, trace.clone())));
    assert!(cut.await.is_err());
    let panics = AssertUnwindSafe(stack.enter(refused(true, trace.clone())));
    assert!(panics.catch_unwind().await.is_err());
    assert_eq!(stack.len(), 1);
    assert_eq!(trace, ["dropped", "dropped", "dropped"]);
    stack.exit().await.unwrap();
    assert_eq!(trace.events()[3..], ["1 completed", "1 cleaned"]);
}

/// Managers may be entered at the same time; they are left in the reverse of the order in which they were entered.
#[tokio::test(start_paused = true)]
async fn exit_stack_enters_concurrently() {
    let trace = Trace::new();
    let stack = AsyncExitStack::new();
    let early = trace.clone();
    let late = async {
        sleep(SECOND).await;
        stack.enter(slow(1, early)).await
    };
    let (a, b) = tokio::join!(late, stack.enter(slow(2, trace.clone())));
    assert_eq!((*a.unwrap(), *b.unwrap()), (1, 2));
    stack.exit().await.unwrap();
    assert_eq!(
        trace,
        ["1 completed", "1 cleaned", "2 completed", "2 cleaned"]
    );
}

#[tokio::test(start_paused = true)]
async fn exit_stack_pop_all() {
    let trace = Trace::new();
    let kept = {
        let mut stack = AsyncExitStack::default();
        stack.enter(slow(1, trace.clone())).await.unwrap();
        stack.pop_all()
    };
    assert_eq!(trace, []);
    assert_eq!(kept.len(), 1);
    kept.exit_with(Exit::Failed).await.unwrap();
    assert_eq!(trace, ["1 failed", "1 cleaned"]);
}

/// A body that panics, and one that fails, in the `scope` forms.
#[tokio::test]
async fn exit_stack_scope() {
    #[actxmgr]
    async fn scoped_in_stack(trace: Trace) -> Result<(), u32> {
        let exit = yield_!();
        trace.push(exit);
        Err(1)
    }
    keep_reports();
    let trace = Trace::new();
    let panics = AsyncExitStack::scope(async |stack| {
        stack.enter(scoped_in_stack(trace.clone())).await.unwrap();
        panic!("the body")
    });
    let panic = AssertUnwindSafe(panics).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    let failed = AsyncExitStack::try_scope(async |stack| {
        stack.enter(scoped_in_stack(trace.clone())).await.unwrap();
        Err::<(), BoxError>("the body".into())
    });
    assert_eq!(failed.await.unwrap_err().to_string(), "the body");
    let completed = AsyncExitStack::try_scope(async |stack| {
        stack.enter(scoped_in_stack(trace.clone())).await.unwrap();
        Ok::<_, ExitStackError>(())
    });
    assert_eq!(completed.await.unwrap_err().downcast_ref(), Some(&1_u32));
    assert_eq!(trace, ["panicked", "failed", "completed"]);
    assert_eq!(
        kinds("scoped_in_stack"),
        [(Kind::Error, Exit::Panicked), (Kind::Error, Exit::Failed)]
    );
}

/// A group of tasks waits for what is left of a stack that was dropped in it (G2).
#[tokio::test(start_paused = true)]
async fn exit_stack_in_a_task_group() {
    let trace = Trace::new();
    let inside = trace.clone();
    let cut = TaskGroup::scope(async |tg| {
        tg.spawn(async move {
            let stack = AsyncExitStack::new();
            stack.enter(slow(1, inside.clone())).await.unwrap();
            stack.enter(slow(2, inside)).await.unwrap();
            pending::<()>().await;
        });
        sleep(3 * SECOND).await;
        Err::<(), _>("stop".into())
    });
    assert!(cut.await.is_err());
    assert_eq!(
        trace,
        ["2 cancelled", "2 cleaned", "1 cancelled", "1 cleaned"]
    );
}

/// The limit of a manager holds in a stack too, and is an error like any other.
#[tokio::test(start_paused = true)]
async fn exit_stack_with_a_cleanup_timeout() {
    #[actxmgr(cleanup_timeout = "1s")]
    async fn stuck() {
        yield_!();
        pending::<()>().await;
    }
    let trace = Trace::new();
    let stack = AsyncExitStack::new();
    stack.enter(slow(1, trace.clone())).await.unwrap();
    let Ok(()) = stack.enter(stuck()).await;
    let error = stack.exit().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.downcast_ref::<CleanupTimedOut>().unwrap().limit(),
        SECOND
    );
    assert_eq!(trace, ["1 failed", "1 cleaned"]);
}

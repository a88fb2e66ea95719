use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use aiotools::context::{Mut, Owned, Ref};
use aiotools::{AsyncContextManager, ContextGroup, Exit, TaskGroup, actxgroup, actxmgr};
use aiotools_tests::reports::{Kind, keep_reports, kinds};
use aiotools_tests::trace::Trace;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Lets what is in the background come to its end. Not `drain`, which waits for other tests too.
async fn settled() {
    sleep(Duration::from_secs(60)).await;
}

#[actxmgr]
async fn plus_ten(a: usize) -> usize {
    yield_now().await;
    yield_!(a + 10);
}

/// The example of the Python library's README.
#[tokio::test]
async fn context_group_readme() {
    let group = actxgroup((0..10).map(plus_ten));
    let Ok(values) = group.await;
    assert_eq!(values.len(), 10);
    for i in 0..10 {
        assert_eq!(values[i], i + 10);
    }
    let Ok(()) = values.exit().await;

    let sum = actxgroup((0..10).map(plus_ten))
        .scope(async |values| values.iter().sum::<usize>())
        .await;
    assert_eq!(sum, Ok(145));
}

#[actxmgr]
async fn slow(trace: Trace) -> Trace {
    sleep(SECOND).await;
    let exit = yield_!(trace.clone());
    sleep(SECOND).await;
    trace.push(exit);
}

/// All at once: three set-ups of a second take a second, and so do three cleanups.
#[tokio::test(start_paused = true)]
async fn context_group_enters_and_exits_concurrently() {
    let trace = Trace::new();
    let start = Instant::now();
    let Ok(group) = actxgroup((0..3).map(|_| slow(trace.clone()))).await;
    assert_eq!(start.elapsed(), SECOND);
    let Ok(()) = group.exit_with(Exit::Failed).await;
    assert_eq!(start.elapsed(), 2 * SECOND);
    assert_eq!(trace, ["failed", "failed", "failed"]);
}

/// What one member of a group does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Well,
    Error,
    Panic,
}

impl Does {
    fn it<T>(self, error: T) -> Result<(), T> {
        match self {
            Self::Well => Ok(()),
            Self::Error => Err(error),
            Self::Panic => std::panic::resume_unwind(Box::new("a member")),
        }
    }
}

/// Generates a manager with a name of its own, for the reports.
macro_rules! member {
    ($name:ident) => {
        #[actxmgr]
        async fn $name(
            id: usize,
            set_up: Does,
            after: u64,
            clean_up: Does,
            trace: Trace,
        ) -> Result<&mut usize, usize> {
            let _dropped = trace.on_drop(format!("{id} dropped"));
            sleep(Duration::from_millis(after)).await;
            set_up.it(id)?;
            let mut kept = id;
            let exit = yield_!(&mut kept);
            trace.push(format!("{id} {exit}"));
            sleep(Duration::from_millis(10 + id as u64)).await;
            trace.push(format!("{id} cleaned"));
            clean_up.it(100 + id)
        }
    };
}

/// One fails to enter: the entered ones are left and told why, the late one is dropped, and then the error
/// comes out. Errors of their cleanups go to the hook.
#[tokio::test(start_paused = true)]
async fn context_group_is_all_or_nothing() {
    use Does::{Error, Well};
    member!(all_or_nothing);
    keep_reports();
    let trace = Trace::new();
    let group = actxgroup([
        all_or_nothing(0, Well, 1, Well, trace.clone()),
        all_or_nothing(1, Well, 2, Error, trace.clone()),
        all_or_nothing(2, Error, 3, Well, trace.clone()),
        all_or_nothing(3, Error, 4, Well, trace.clone()),
    ]);
    assert_eq!(group.await.map(drop), Err(2));
    assert_eq!(
        trace,
        [
            "2 dropped",
            "3 dropped",
            "0 failed",
            "1 failed",
            "0 cleaned",
            "0 dropped",
            "1 cleaned",
            "1 dropped"
        ]
    );
    assert_eq!(kinds("all_or_nothing"), [(Kind::Error, Exit::Failed)]);
}

#[tokio::test(start_paused = true)]
async fn context_group_set_up_that_panics() {
    use Does::{Panic, Well};
    member!(panics_early);
    let trace = Trace::new();
    for settle in [false, true] {
        let group = actxgroup([
            panics_early(0, Well, 1, Well, trace.clone()),
            panics_early(1, Panic, 2, Well, trace.clone()),
        ]);
        let entering = async {
            if settle {
                drop(group.settle().await);
            } else {
                drop(group.await);
            }
        };
        let panic = AssertUnwindSafe(entering).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a member"));
    }
    assert_eq!(trace.count("0 panicked"), 2);
    assert_eq!(trace.count("0 cleaned"), 2);
}

/// The first failure of a cleanup comes out, and nobody's failure keeps another from its cleanup.
#[tokio::test(start_paused = true)]
async fn context_group_exits_that_fail() {
    use Does::{Error, Panic, Well};
    member!(exits_fail);
    keep_reports();
    for (first, second, third) in [(Error, Panic, Well), (Panic, Error, Error)] {
        let trace = Trace::new();
        let group = actxgroup([
            exits_fail(0, Well, 0, first, trace.clone()),
            exits_fail(1, Well, 0, second, trace.clone()),
            exits_fail(2, Well, 0, third, trace.clone()),
        ]);
        let mut group = group.await.unwrap();
        group[1] += 5;
        assert_eq!(group.iter().copied().collect::<Vec<_>>(), [0, 6, 2]);
        let before = kinds("exits_fail").len();
        let exit = AssertUnwindSafe(group.exit()).catch_unwind().await;
        let reported = kinds("exits_fail").split_off(before);
        for id in 0..3 {
            assert_eq!(trace.count(&format!("{id} completed")), 1);
            assert_eq!(trace.count(&format!("{id} cleaned")), 1);
        }
        if first == Error {
            assert_eq!(exit.unwrap(), Err(100));
            assert_eq!(reported, [(Kind::Panic, Exit::Completed)]);
        } else {
            assert!(exit.is_err());
            assert_eq!(reported, [(Kind::Error, Exit::Completed); 2]);
        }
    }
}

/// A value that panics in its drop keeps neither its own manager nor the others from their cleanup.
#[tokio::test]
async fn context_group_value_that_panics_in_its_drop() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                std::panic::resume_unwind(Box::new("dropped"));
            }
        }
    }
    #[actxmgr]
    async fn bomb(armed: bool, trace: Trace) -> Bomb {
        let exit = yield_!(Bomb(armed));
        trace.push(exit);
    }
    let trace = Trace::new();
    let Ok(group) = actxgroup([false, true, false].map(|armed| bomb(armed, trace.clone()))).await;
    let panic = AssertUnwindSafe(group.exit())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"dropped"));
    assert_eq!(trace, ["completed", "completed", "completed"]);
}

/// A set-up that panics in its drop hides no error, and keeps no other set-up from being dropped.
#[tokio::test(start_paused = true)]
async fn context_group_set_up_that_panics_in_its_drop() {
    struct Dropped(bool, Trace);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.1.push("dropped");
            if self.0 {
                std::panic::resume_unwind(Box::new("dropped"));
            }
        }
    }
    #[actxmgr]
    async fn half_way(id: usize, trace: Trace) -> Result<usize, usize> {
        let _dropped = Dropped(id == 1, trace);
        sleep(SECOND).await;
        if id == 0 {
            return Err(id);
        }
        sleep(SECOND).await;
        yield_!(id);
        Ok(())
    }
    keep_reports();
    let trace = Trace::new();
    let group = || actxgroup((0..4).map(|id| half_way(id, trace.clone())));
    assert_eq!(group().await.map(drop), Err(0));
    assert_eq!(trace.count("dropped"), 4);
    assert_eq!(kinds("half_way"), [(Kind::Panic, Exit::Cancelled)]);

    let entering = tokio::time::timeout(SECOND / 2, group());
    assert!(entering.await.is_err());
    assert_eq!(trace.count("dropped"), 8);
    assert_eq!(kinds("half_way").len(), 2);
}

/// CTX-17: in the form that settles, errors before the yield do not stop entering but are there at their index,
/// errors after it are in the exit states at theirs, and the body runs in both cases.
#[tokio::test(start_paused = true)]
async fn upstream_ctx_17_exceptions_in_a_group() {
    use Does::{Error, Well};
    member!(ctx_17);
    keep_reports();
    let trace = Trace::new();
    let early = || {
        actxgroup([
            ctx_17(0, Error, 1, Well, trace.clone()),
            ctx_17(1, Error, 2, Well, trace.clone()),
            ctx_17(2, Well, 3, Well, trace.clone()),
        ])
        .settle()
    };
    let (ran, states) = early()
        .scope(async |values| {
            assert_eq!(values[0], Err(0));
            assert_eq!(values[1], Err(1));
            assert_eq!(values[2], Ok(&mut 2));
            true
        })
        .await;
    assert!(ran);
    assert_eq!(states, [Ok(()), Ok(()), Ok(())]);

    let mut group = early().await;
    assert_eq!(group.get(0), Err(&0));
    *group.get_mut(2).unwrap() = 7;
    let seen: Vec<_> = group.iter().map(|value| value.ok().copied()).collect();
    assert_eq!(seen, [None, None, Some(7)]);
    assert_eq!(group.exit().await, [Ok(()), Ok(()), Ok(())]);

    let late = || {
        actxgroup([
            ctx_17(0, Well, 1, Error, trace.clone()),
            ctx_17(1, Well, 2, Error, trace.clone()),
            ctx_17(2, Well, 3, Well, trace.clone()),
        ])
        .settle()
    };
    let (ran, states) = late().scope(async |values| values.len()).await;
    assert_eq!(ran, 3);
    assert_eq!(states, [Err(100), Err(101), Ok(())]);
    assert_eq!(late().await.exit().await, [Err(100), Err(101), Ok(())]);
    assert_eq!(kinds("ctx_17"), [], "each error was given to the caller");
}

/// With a cleanup that panics there are no exit states; the errors of the others are reported.
#[tokio::test(start_paused = true)]
async fn context_group_settled_exit_that_panics() {
    use Does::{Error, Panic, Well};
    member!(settled_panic);
    keep_reports();
    let trace = Trace::new();
    let group = actxgroup([
        settled_panic(0, Well, 0, Error, trace.clone()),
        settled_panic(1, Well, 0, Panic, trace.clone()),
        settled_panic(2, Well, 0, Well, trace.clone()),
    ]);
    let exit = group.settle().await.exit();
    assert!(AssertUnwindSafe(exit).catch_unwind().await.is_err());
    assert_eq!(trace.count("2 cleaned"), 1);
    assert_eq!(kinds("settled_panic"), [(Kind::Error, Exit::Completed)]);
}

/// The ways to use a group, to be cut at each of their polls.
async fn use_group(form: usize, group: ContextGroup<Mut<usize>, usize>) {
    let body = async |n: usize| {
        yield_now().await;
        assert_eq!(n, 3);
    };
    let used = match form {
        0 => match group.await {
            Ok(guard) => {
                body(guard.len()).await;
                guard.exit().await
            }
            Err(error) => Err(error),
        },
        1 => group.scope(async |values| body(values.len()).await).await,
        2 => {
            group
                .try_scope(async |values| {
                    body(values.len()).await;
                    Err::<(), _>(7)
                })
                .await
        }
        3 => {
            let guard = group.settle().await;
            body(guard.len()).await;
            guard.exit().await.into_iter().collect()
        }
        _ => {
            let settle = group.settle();
            settle
                .scope(async |values| body(values.len()).await)
                .await
                .1
                .into_iter()
                .collect()
        }
    };
    let _: Result<(), usize> = used;
}

/// Upstream's fault: "Group of managers cancelled while entering: members already entered are never left". Here
/// each member that was entered is left exactly once, for a cancellation at each suspension point.
#[tokio::test(start_paused = true)]
async fn context_group_cancelled_at_each_suspension_point() {
    #[actxmgr]
    async fn member(id: usize, fails: bool, trace: Trace) -> Result<&mut usize, usize> {
        for _ in 0..=id {
            yield_now().await;
        }
        if fails && id == 2 {
            return Err(id);
        }
        trace.push(format!("{id} entered"));
        let mut kept = id;
        let exit = yield_!(&mut kept);
        trace.push(format!("{id} left, {exit}"));
        for _ in 0..=id {
            yield_now().await;
        }
        trace.push(format!("{id} cleaned"));
        Ok(())
    }
    let mut cuts = 0;
    for (form, fails) in (0..5).flat_map(|form| [(form, false), (form, true)]) {
        for polls in 0..100 {
            let trace = Trace::new();
            let group = actxgroup((0..3).map(|id| member(id, fails, trace.clone())));
            let mut work = Box::pin(use_group(form, group));
            let mut done = false;
            for _ in 0..polls {
                done = futures::poll!(&mut work).is_ready();
                if done {
                    break;
                }
                // Delivers the wake-ups.
                yield_now().await;
            }
            drop(work);
            settled().await;
            let events = trace.events();
            for id in 0..3 {
                let count = |what: &str| {
                    let what = format!("{id} {what}");
                    events
                        .iter()
                        .filter(|event| event.starts_with(&what))
                        .count()
                };
                let entered = count("entered");
                assert!(entered <= 1);
                assert_eq!(count("left"), entered, "{form} {fails} {polls}: {events:?}");
                assert_eq!(
                    count("cleaned"),
                    entered,
                    "{form} {fails} {polls}: {events:?}"
                );
            }
            if done {
                break;
            }
            cuts += 1;
            assert!(polls < 99, "it comes to an end");
        }
    }
    assert!(cuts > 50, "{cuts}");
}

/// An `exit` that is dropped on its way: the cleanups go on, and an error that it had seen is reported.
#[tokio::test(start_paused = true)]
async fn context_group_exit_dropped_on_its_way() {
    use Does::{Error, Well};
    member!(exit_dropped);
    keep_reports();
    let trace = Trace::new();
    let group = actxgroup([
        exit_dropped(0, Well, 0, Error, trace.clone()),
        exit_dropped(9, Well, 0, Error, trace.clone()),
    ]);
    let exit = group.await.unwrap().exit();
    assert!(
        tokio::time::timeout(Duration::from_millis(15), exit)
            .await
            .is_err()
    );
    assert_eq!(kinds("exit_dropped"), [(Kind::Error, Exit::Completed)]);
    settled().await;
    assert_eq!(trace.count("9 cleaned"), 1);
    assert_eq!(kinds("exit_dropped"), [(Kind::Error, Exit::Completed); 2]);

    // Also one that was never polled.
    let group = actxgroup([exit_dropped(1, Well, 0, Well, trace.clone())]);
    drop(group.await.unwrap().exit());
    settled().await;
    assert_eq!(trace.count("1 completed"), 1);
    assert_eq!(trace.count("1 cleaned"), 1);
}

/// A dropped guard leaves all members in the background.
#[tokio::test(start_paused = true)]
async fn context_group_dropped_guard() {
    let trace = Trace::new();
    let Ok(group) = actxgroup((0..3).map(|_| slow(trace.clone()))).await;
    drop(group);
    let settling = actxgroup((0..3).map(|_| slow(trace.clone()))).settle();
    drop(settling.await);
    assert_eq!(trace, []);
    settled().await;
    assert_eq!(trace.count("cancelled"), 6);
}

/// A group of tasks waits for what a group of managers left behind in it (G2).
#[tokio::test(start_paused = true)]
async fn context_group_in_a_task_group() {
    let trace = Trace::new();
    let seen = trace.clone();
    let cut = TaskGroup::scope(async |tg| {
        let inside = trace.clone();
        tg.spawn(async move {
            let Ok(_group) = actxgroup((0..3).map(|_| slow(inside.clone()))).await;
            pending::<()>().await;
        });
        sleep(2 * SECOND).await;
        Err::<(), _>("stop".into())
    })
    .await;
    assert!(cut.is_err());
    assert_eq!(seen, ["cancelled", "cancelled", "cancelled"]);
}

/// A body that panics, and one that fails.
#[tokio::test(start_paused = true)]
async fn context_group_body_that_fails() {
    use Does::{Error, Well};
    member!(body_fails);
    keep_reports();
    let trace = Trace::new();
    let group = || {
        actxgroup([
            body_fails(0, Well, 0, Well, trace.clone()),
            body_fails(1, Well, 0, Error, trace.clone()),
        ])
    };
    let failed = group().try_scope(async |_| Err::<(), _>(55_usize)).await;
    assert_eq!(failed, Err(55));
    assert_eq!(kinds("body_fails"), [(Kind::Error, Exit::Failed)]);

    let panics = group().scope(async |_| panic!("the body"));
    let panic = AssertUnwindSafe(panics).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    assert_eq!(kinds("body_fails")[1..], [(Kind::Error, Exit::Panicked)]);
    for event in ["0 failed", "1 failed", "0 panicked", "1 panicked"] {
        assert_eq!(trace.count(event), 1);
    }
}

struct ByHand {
    lent: usize,
    trace: Trace,
}

impl AsyncContextManager for ByHand {
    type Lend = Mut<usize>;
    type Error = Infallible;

    async fn enter(&mut self) -> Result<&mut usize, Infallible> {
        yield_now().await;
        Ok(&mut self.lent)
    }

    async fn exit(self, exit: Exit) -> Result<(), Infallible> {
        self.trace.push(format!("by hand: {} {exit}", self.lent));
        Ok(())
    }
}

#[actxmgr]
async fn generated(trace: Trace) -> &mut usize {
    let mut lent = 1;
    let exit = yield_!(&mut lent);
    trace.push(format!("generated: {lent} {exit}"));
}

/// Different managers in one group, as long as they lend the same, in a task that may move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn context_group_of_different_managers() {
    let trace = Trace::new();
    let seen = trace.clone();
    tokio::spawn(async move {
        let by_hand = |lent| ByHand {
            lent,
            trace: trace.clone(),
        };
        let mut group = ContextGroup::new();
        group.add(by_hand(0)).add(generated(trace.clone()));
        group.extend((2..4).map(by_hand));
        assert_eq!((group.len(), group.is_empty()), (4, false));
        let Ok(mut values) = group.await;
        for (i, value) in values.iter_mut().enumerate() {
            assert_eq!(*value, i);
            *value += 10;
            yield_now().await;
        }
        assert_eq!(values.with(3, |value| **value), 13);
        values.with_mut(3, |value| **value += 1);
        let Ok(()) = values.exit().await;

        let group = actxgroup((0..2).map(by_hand));
        let scope = group.scope(async |mut values: Vec<&mut usize>| {
            yield_now().await;
            *values[0] = 6;
        });
        let Ok(()) = scope.await;
    })
    .await
    .unwrap();
    let mut events = seen.events();
    events.sort();
    assert_eq!(
        events,
        [
            "by hand: 1 completed",
            "by hand: 10 completed",
            "by hand: 12 completed",
            "by hand: 14 completed",
            "by hand: 6 completed",
            "generated: 11 completed",
        ]
    );
}

/// A group without members enters and leaves.
#[tokio::test]
async fn context_group_that_is_empty() {
    let group = ContextGroup::<Owned<u32>, Infallible>::default();
    assert!(group.is_empty());
    let Ok(guard) = group.await;
    assert!(guard.is_empty());
    let Ok(()) = guard.exit().await;
    let settled = ContextGroup::<Ref<str>, Infallible>::new().settle().await;
    assert_eq!(settled.exit().await, []);
}

/// A thousand members cost a thousand times one: each is polled when it was woken, not whenever another was.
#[tokio::test]
async fn context_group_of_a_thousand() {
    const MEMBERS: usize = 1000;

    /// Is woken from outside, once, and counts its polls.
    async fn woken(polls: Arc<AtomicUsize>) {
        let (wake, woken) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { wake.send(()) });
        let mut woken = pin!(woken);
        poll_fn(|cx| {
            polls.fetch_add(1, Relaxed);
            woken.as_mut().poll(cx)
        })
        .await
        .unwrap();
    }

    #[actxmgr]
    async fn member(polls: Arc<AtomicUsize>) {
        woken(polls.clone()).await;
        yield_!();
        woken(polls).await;
    }

    let polls = Arc::new(AtomicUsize::new(0));
    let Ok(group) = actxgroup((0..MEMBERS).map(|_| member(polls.clone()))).await;
    assert_eq!(polls.load(Relaxed), 2 * MEMBERS);
    let Ok(()) = group.exit().await;
    assert_eq!(polls.load(Relaxed), 4 * MEMBERS);
}

/// The clean end of a poll that nobody waits for: a group that was never entered does nothing.
#[tokio::test]
async fn context_group_never_entered() {
    let trace = Trace::new();
    drop(actxgroup((0..3).map(|_| slow(trace.clone()))));
    drop(actxgroup((0..3).map(|_| slow(trace.clone()))).enter());
    let scope = actxgroup((0..3).map(|_| slow(trace.clone()))).scope(async |_| ());
    let mut scope = pin!(scope);
    assert!(futures::poll!(&mut scope).is_pending());
    assert_eq!(trace, []);
}

//! Random compositions of managers, cut at every one of their polls.
//!
//! A [`Plan`] is a tree of managers: inside the set-up, the body and the cleanup of a manager there may
//! be another one. The whole is polled 0, 1, 2, … times and then dropped; after a `drain`, the log has
//! to show that each manager that was entered was cleaned up, once, for the right reason, in the right
//! order, and that each error and panic of a cleanup came to one place.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use aiotools::cleanup::{drain, set_error_hook, stats};
use aiotools::{Exit, actxmgr};
use futures::FutureExt;
use proptest::prelude::*;

use crate::{alone, current_thread, multi_thread};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Shared,
    /// Where all has to be `Send`, this is `Shared`.
    Local,
    Scoped,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// Scoped managers have none; this is `Scope` then.
    Guard,
    Scope,
    TryScope,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    Error,
    Panic,
}

#[derive(Clone, Debug)]
struct Plan {
    id: usize,
    kind: Kind,
    form: Form,
    /// How often set-up, body and cleanup are suspended.
    pauses: [u8; 3],
    /// Holds the guard of a leaf from its set-up to its cleanup; the leaf has the next id.
    holds: bool,
    in_setup: Option<Arc<Plan>>,
    in_body: Option<Arc<Plan>>,
    in_cleanup: Option<Arc<Plan>>,
    body: End,
    cleanup: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Entered(usize),
    /// The body has ended by itself; the manager is to be told this.
    Left(usize, Exit),
    Resumed(usize, Exit),
    CleanedUp(usize),
    /// The error or panic of its cleanup came out to the one who had entered it,
    Surfaced(usize),
    /// or to the error hook.
    Reported(usize),
}
use Event::{CleanedUp, Entered, Left, Reported, Resumed, Surfaced};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Event>>>);

impl Log {
    fn push(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Body,
    Cleanup(usize),
}

async fn pauses(n: u8) {
    for _ in 0..n {
        let mut pending = true;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            match std::mem::replace(&mut pending, false) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl End {
    /// Without `panic!`, which would call the panic hook some ten thousand times.
    fn reach(self, failure: Failure) -> Result<(), Failure> {
        match self {
            Self::Well => Ok(()),
            Self::Error => Err(failure),
            Self::Panic => resume_unwind(Box::new(failure)),
        }
    }
}

#[actxmgr]
async fn leaf(id: usize, log: Log) {
    pauses(1).await;
    log.push(Entered(id));
    let exit = yield_!();
    log.push(Resumed(id, exit));
    pauses(1).await;
    log.push(CleanedUp(id));
}

macro_rules! set_up {
    ($plan:ident, $log:ident, $run:ident) => {{
        let held = match $plan.holds {
            true => Some(leaf($plan.id + 1, $log.clone()).await),
            false => None,
        };
        pauses($plan.pauses[0]).await;
        if let Some(inner) = &$plan.in_setup {
            $run(inner.clone(), $log.clone()).await;
        }
        $log.push(Entered($plan.id));
        held
    }};
}

macro_rules! clean_up {
    ($plan:ident, $log:ident, $run:ident, $held:ident, $uses:ident, $exit:ident) => {{
        $log.push(Resumed($plan.id, $exit));
        assert!(*$uses < 1000, "whoever had it is gone");
        pauses($plan.pauses[2]).await;
        if let Some(inner) = &$plan.in_cleanup {
            $run(inner.clone(), $log.clone()).await;
        }
        if let Some(held) = $held {
            held.exit().await;
        }
        $log.push(CleanedUp($plan.id));
        $plan.cleanup.reach(Failure::Cleanup($plan.id))
    }};
}

#[actxmgr]
async fn shared(plan: Arc<Plan>, log: Log) -> Result<&mut u64, Failure> {
    let mut uses = Box::new(0);
    let held = set_up!(plan, log, run_send);
    let exit = yield_!(&mut uses);
    clean_up!(plan, log, run_send, held, uses, exit)
}

#[actxmgr(local)]
async fn local(plan: Rc<Plan>, log: Log) -> Result<&mut u64, Failure> {
    let mut uses = Box::new(0);
    let held = set_up!(plan, log, run_local);
    let exit = yield_!(&mut uses);
    clean_up!(plan, log, run_local, held, uses, exit)
}

#[actxmgr(scoped)]
async fn scoped(plan: &Plan, log: &Log) -> Result<&mut u64, Failure> {
    let mut uses = Box::new(0);
    let held = set_up!(plan, log, run_send);
    let exit = yield_!(&mut uses);
    clean_up!(plan, log, run_send, held, uses, exit)
}

macro_rules! enter_and_leave {
    ($plan:ident, $log:ident, $body:ident, $manager:expr) => {
        match $plan.form {
            Form::Guard => {
                let mut guard = $manager.await?;
                match $body(&$plan, &$log, &mut guard).await {
                    Ok(()) => guard.exit().await,
                    Err(_) => guard.exit_with(Exit::Failed).await,
                }
            }
            _ => in_scope!($plan, $log, $body, $manager),
        }
    };
}

macro_rules! in_scope {
    ($plan:ident, $log:ident, $body:ident, $manager:expr) => {
        match $plan.form {
            Form::TryScope => {
                $manager
                    .try_scope(async |uses| $body(&$plan, &$log, uses).await)
                    .await
            }
            _ => $manager
                .scope(async |uses| $body(&$plan, &$log, uses).await.is_ok())
                .await
                .map(|_| ()),
        }
    };
}

macro_rules! runner {
    ($run:ident, $body:ident, $local:expr, $($send:ident)?) => {
        async fn $body(plan: &Plan, log: &Log, uses: &mut u64) -> Result<(), Failure> {
            *uses += 1;
            for _ in 0..plan.pauses[1] {
                pauses(1).await;
                *uses += 1;
            }
            if let Some(inner) = &plan.in_body {
                $run(inner.clone(), log.clone()).await;
            }
            *uses += 1;
            log.push(Left(plan.id, plan.told()));
            plan.body.reach(Failure::Body)
        }

        /// Enters and leaves the manager of a plan; notes what comes out of its cleanup.
        fn $run(plan: Arc<Plan>, log: Log) -> Pin<Box<dyn Future<Output = ()> $(+ $send)?>> {
            Box::pin(async move {
                let seen = log.clone();
                let ended = AssertUnwindSafe(async move {
                    match plan.kind {
                        Kind::Scoped => in_scope!(plan, log, $body, scoped(&plan, &log)),
                        Kind::Local => enter_and_leave!(plan, log, $body, $local(&plan, &log)),
                        Kind::Shared => enter_and_leave!(plan, log, $body, shared(plan.clone(), log.clone())),
                    }
                })
                .catch_unwind()
                .await;
                let failure = match ended {
                    Ok(ended) => ended.err(),
                    Err(payload) => Some(*payload.downcast::<Failure>().expect("a planned panic")),
                };
                if let Some(Failure::Cleanup(id)) = failure {
                    seen.push(Surfaced(id));
                }
            })
        }
    };
}

runner!(run_send, body_send, shared_of, Send);
runner!(run_local, body_local, local_of,);

fn shared_of(
    plan: &Arc<Plan>,
    log: &Log,
) -> aiotools::context::Manager<
    impl aiotools::context::Coroutine<
        Lend = aiotools::context::Mut<u64>,
        Resume = Exit,
        Future = impl Future<Output = Result<(), Failure>> + Send + 'static + use<>,
    > + use<>,
> {
    shared(plan.clone(), log.clone())
}

fn local_of(
    plan: &Plan,
    log: &Log,
) -> aiotools::context::Manager<
    impl aiotools::context::Coroutine<
        Lend = aiotools::context::Mut<u64>,
        Resume = Exit,
        Future = impl Future<Output = Result<(), Failure>> + 'static + use<>,
    > + use<>,
> {
    local(Rc::new(plan.clone()), log.clone())
}

impl Plan {
    /// What the manager is told when the body comes to its end.
    fn told(&self) -> Exit {
        match (self.body, self.form) {
            (End::Panic, _) => Exit::Panicked,
            (End::Well, _) | (End::Error, Form::Scope) => Exit::Completed,
            (End::Error, Form::Guard) if self.kind == Kind::Scoped => Exit::Completed,
            (End::Error, _) => Exit::Failed,
        }
    }

    /// Unwinding hands its cleanup over, and nobody waits.
    fn leaves_early(&self) -> bool {
        self.form == Form::Guard && self.kind != Kind::Scoped && self.body == End::Panic
    }

    fn numbered(mut self, next: &mut usize) -> Self {
        self.id = *next;
        *next += 2;
        for inner in [&mut self.in_setup, &mut self.in_body, &mut self.in_cleanup] {
            *inner = inner
                .take()
                .map(|inner| Arc::new(Arc::unwrap_or_clone(inner).numbered(next)));
        }
        self
    }

    /// Checks this manager and those inside. `cut`: the future was dropped before its end.
    fn check(&self, log: &[Event], cut: bool) {
        let id = self.id;
        let at = |event: Event| log.iter().position(|seen| *seen == event);
        let resumed = |id: usize| {
            log.iter()
                .position(|seen| matches!(seen, Resumed(of, _) if *of == id))
        };
        let count = |is: &dyn Fn(&Event) -> bool| log.iter().filter(|seen| is(seen)).count();

        let entered = count(&|seen| *seen == Entered(id));
        let left = log.iter().find_map(|seen| match seen {
            Left(of, exit) if *of == id => Some(*exit),
            _ => None,
        });
        let resumptions = count(&|seen| matches!(seen, Resumed(of, _) if *of == id));
        let ended = count(&|seen| *seen == CleanedUp(id));
        let told = count(&|seen| *seen == Surfaced(id) || *seen == Reported(id));
        assert!(
            entered <= 1 && resumptions == entered,
            "{id} is cleaned up once, if entered: {log:?}"
        );
        if entered == 1 {
            let exit = left.unwrap_or(Exit::Cancelled);
            assert!(
                at(Resumed(id, exit)).is_some(),
                "{id} is told {exit}: {log:?}"
            );
            assert!(cut || left.is_some());
        }
        if self.kind == Kind::Scoped && cut {
            assert!(ended <= entered);
        } else {
            assert_eq!(
                ended, entered,
                "the cleanup of {id} is run to its end: {log:?}"
            );
        }
        let fails = ended == 1 && self.cleanup != End::Well;
        assert_eq!(
            told,
            usize::from(fails),
            "an error of {id} comes to one place: {log:?}"
        );

        if let Some(inner) = &self.in_setup {
            if entered == 1 {
                assert!(at(Entered(inner.id)) < at(Entered(id)) && at(Entered(inner.id)).is_some());
                assert!(
                    inner.leaves_early() || resumed(inner.id) < at(Entered(id)),
                    "{log:?}"
                );
            }
            inner.check(log, cut);
        }
        if let Some(inner) = &self.in_body {
            if at(Entered(inner.id)).is_some() {
                assert!(at(Entered(id)) < at(Entered(inner.id)));
                // A cut scoped manager has its one poll there and then; others take their turn.
                let out_of_turn = inner.leaves_early()
                    || cut && self.kind == Kind::Scoped && inner.kind != Kind::Scoped;
                assert!(
                    out_of_turn || resumed(inner.id) < resumed(id),
                    "inner before outer: {log:?}"
                );
            }
            inner.check(log, cut);
        }
        if let Some(inner) = &self.in_cleanup {
            if at(Entered(inner.id)).is_some() {
                assert!(resumed(id).is_some() && resumed(id) < at(Entered(inner.id)));
            }
            inner.check(log, cut);
        }
        if self.holds {
            let held = id + 1;
            let entered = count(&|seen| *seen == Entered(held));
            assert_eq!(
                count(&|seen| matches!(seen, Resumed(of, _) if *of == held)),
                entered,
                "{log:?}"
            );
            assert_eq!(count(&|seen| *seen == CleanedUp(held)), entered, "{log:?}");
            if at(Entered(id)).is_some() {
                assert!(
                    resumed(id) < resumed(held),
                    "outer lets go of what it holds: {log:?}"
                );
            }
        }
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let ends = || prop_oneof![3 => Just(End::Well), 1 => Just(End::Error), 1 => Just(End::Panic)];
    let one = move |inner: BoxedStrategy<Option<Arc<Plan>>>| {
        (
            prop_oneof![Just(Kind::Shared), Just(Kind::Local), Just(Kind::Scoped)],
            prop_oneof![Just(Form::Guard), Just(Form::Scope), Just(Form::TryScope)],
            [0..3_u8, 0..3_u8, 0..3_u8],
            prop::bool::weighted(0.2),
            [inner.clone(), inner.clone(), inner],
            (ends(), ends()),
        )
            .prop_map(|(kind, form, pauses, holds, inner, (body, cleanup))| {
                let [in_setup, in_body, in_cleanup] = inner;
                Plan {
                    id: 0,
                    kind,
                    form,
                    pauses,
                    holds,
                    in_setup,
                    in_body,
                    in_cleanup,
                    body,
                    cleanup,
                }
            })
    };
    let leaf = one(Just(None).boxed()).boxed();
    leaf.prop_recursive(3, 12, 3, move |inner| {
        one(prop_oneof![1 => Just(None), 1 => inner.prop_map(|plan| Some(Arc::new(plan)))].boxed())
            .boxed()
    })
    .prop_map(|plan| plan.numbered(&mut 0))
}

/// Where the error hook writes to.
static REPORTS: Mutex<Option<Log>> = Mutex::new(None);

fn listen(log: &Log) {
    *REPORTS.lock().unwrap() = Some(log.clone());
    set_error_hook(|error| {
        let failure = match (error.error(), error.panic()) {
            // As a text, because those of scoped managers cannot be downcast.
            (Some(error), _) => format!("{error:?}"),
            (_, Some(payload)) => format!(
                "{:?}",
                payload.downcast_ref::<Failure>().expect("a planned panic")
            ),
            _ => return assert!(error.is_abandoned()),
        };
        let id = failure
            .trim_start_matches("Cleanup(")
            .trim_end_matches(')')
            .parse()
            .unwrap();
        REPORTS.lock().unwrap().as_ref().unwrap().push(Reported(id));
    });
}

/// Polls `future` so many times, then drops it. Whether it came to its end.
async fn poll_times<F: Future<Output = ()> + ?Sized>(
    mut future: Pin<Box<F>>,
    times: usize,
) -> bool {
    for _ in 0..times {
        if futures::poll!(&mut future).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// The counters agree with the log.
fn check_stats(before: aiotools::cleanup::Stats, log: &[Event]) {
    let now = stats();
    let count = |exit: Exit| {
        log.iter()
            .filter(|seen| matches!(seen, Resumed(_, of) if *of == exit))
            .count() as u64
    };
    assert_eq!(now.completed - before.completed, count(Exit::Completed));
    assert_eq!(now.failed - before.failed, count(Exit::Failed));
    assert_eq!(now.panicked - before.panicked, count(Exit::Panicked));
    assert_eq!(now.cancelled - before.cancelled, count(Exit::Cancelled));
    assert_eq!(now.outstanding, 0);
}

fn cut_everywhere<F: Future<Output = ()> + ?Sized>(
    plan: &Plan,
    run: fn(Arc<Plan>, Log) -> Pin<Box<F>>,
    drive: impl Fn(Pin<Box<F>>, usize) -> bool,
) {
    for times in 0.. {
        let log = Log::default();
        listen(&log);
        let before = stats();
        let ended = drive(run(Arc::new(plan.clone()), log.clone()), times);
        let log = log.0.lock().unwrap().clone();
        plan.check(&log, !ended);
        check_stats(before, &log);
        if ended {
            break;
        }
        assert!(times < 1000);
    }
}

async fn drained() {
    assert!(drain(Duration::from_secs(60)).await.is_complete());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleanup_of_compositions_on_one_thread(plan in plans()) {
        let _alone = alone();
        let runtime = current_thread();
        cut_everywhere(&plan, run_local, |future, times| {
            runtime.block_on(async {
                let ended = poll_times(future, times).await;
                drained().await;
                ended
            })
        });
    }
}

/// The same where the cleanups that were handed over run at once, on other threads. Their order among
/// each other is not the point here.
#[test]
fn cleanup_of_compositions_on_many_threads() {
    let _alone = alone();
    let runtime = multi_thread();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let single = plans().prop_map(|mut plan| {
        // Of one manager in the body of another the inner may now be resumed later.
        plan.in_body = None;
        plan.in_setup = None;
        plan.in_cleanup = None;
        plan
    });
    runner
        .run(&single, |plan| {
            cut_everywhere(&plan, run_send, |future, times| {
                runtime.block_on(async {
                    let ended = tokio::spawn(poll_times(future, times)).await.unwrap();
                    drained().await;
                    ended
                })
            });
            Ok(())
        })
        .unwrap();
}

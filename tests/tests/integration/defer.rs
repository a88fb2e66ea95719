use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use aiotools::{BoxError, Exit, TaskGroup, adefer, defer};
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

/// DEF-01: three calls registered between three steps run after the body, in reverse order.
#[test]
fn upstream_def_01_defer() {
    #[defer]
    fn work(trace: &Trace) {
        for step in 1..=3 {
            defer!(trace.push(format!("deferred {step}")));
            trace.push(format!("step {step}"));
        }
    }
    let trace = Trace::new();
    work(&trace);
    assert_eq!(
        trace,
        [
            "step 1",
            "step 2",
            "step 3",
            "deferred 3",
            "deferred 2",
            "deferred 1"
        ]
    );
}

/// DEF-04: the async form runs plain calls after the body, in reverse order.
#[tokio::test]
async fn upstream_def_04_adefer() {
    #[adefer]
    async fn work(trace: Trace) {
        for step in 1..=3 {
            let log = trace.clone();
            defer!(log.push(format!("deferred {step}")));
            yield_now().await;
            trace.push(format!("step {step}"));
        }
    }
    let trace = Trace::new();
    work(trace.clone()).await;
    assert_eq!(
        trace,
        [
            "step 1",
            "step 2",
            "step 3",
            "deferred 3",
            "deferred 2",
            "deferred 1"
        ]
    );
}

async fn slow(id: u32, trace: Trace) {
    trace.push(format!("{id} begins"));
    sleep(SECOND).await;
    trace.push(format!("{id} ends"));
}

/// DEF-06: futures are awaited after the body, one at a time, in reverse order.
#[tokio::test(start_paused = true)]
async fn upstream_def_06_adefer_futures() {
    #[adefer]
    async fn work(trace: Trace) -> u32 {
        let made = slow(1, trace.clone());
        defer!(made);
        let log = trace.clone();
        defer!(slow(2, log));
        let log = trace.clone();
        defer!(slow(3, log).await);
        trace.push("body");
        7
    }
    let trace = Trace::new();
    let start = Instant::now();
    assert_eq!(work(trace.clone()).await, 7);
    assert_eq!(start.elapsed(), 3 * SECOND);
    assert_eq!(
        trace,
        [
            "body", "3 begins", "3 ends", "2 begins", "2 ends", "1 begins", "1 ends"
        ]
    );
}

/// DEF-08: the body fails after two calls were deferred: exactly these two are awaited, in reverse order, and the
/// failure reaches the caller.
#[tokio::test(start_paused = true)]
async fn upstream_def_08_adefer_inner_exception() {
    #[adefer]
    async fn work(trace: Trace, panics: bool) -> Result<(), BoxError> {
        let (one, two, three) = (trace.clone(), trace.clone(), trace.clone());
        defer!(slow(1, one));
        defer!(slow(2, two));
        yield_now().await;
        if panics {
            resume_unwind(Box::new("oops"));
        }
        Err("oops")?;
        defer!(slow(3, three));
        Ok(())
    }
    for panics in [false, true] {
        let trace = Trace::new();
        let ended = AssertUnwindSafe(work(trace.clone(), panics))
            .catch_unwind()
            .await;
        match ended {
            Ok(result) => assert_eq!(result.unwrap_err().to_string(), "oops"),
            Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"oops")),
        }
        assert_eq!(trace, ["2 begins", "2 ends", "1 begins", "1 ends"]);
    }
}

/// On `return`, `?`, a panic, and the end, with arguments that are borrowed.
#[test]
fn defer_runs_whatever_the_way() {
    struct Door {
        opened: u32,
        last: String,
    }
    impl Door {
        #[defer]
        fn open<'a>(&'a mut self, trace: &Trace, name: &str) -> Result<&'a mut String, BoxError> {
            defer!(trace.push(format!("close {name}")));
            self.opened += 1;
            if name == "early" {
                return Ok(&mut self.last);
            }
            assert!(name != "panic");
            let n: u32 = name.parse()?;
            self.last = n.to_string();
            Ok(&mut self.last)
        }
    }
    let trace = Trace::new();
    let mut door = Door {
        opened: 0,
        last: String::new(),
    };
    door.open(&trace, "1").unwrap().push('!');
    door.open(&trace, "early").unwrap().push('?');
    assert!(door.open(&trace, "x").is_err());
    let panics = AssertUnwindSafe(|| door.open(&trace, "panic").map(drop));
    assert!(catch_unwind(panics).is_err());
    assert_eq!(trace, ["close 1", "close early", "close x", "close panic"]);
    assert_eq!((door.opened, door.last.as_str()), (4, "1!?"));
}

/// A call that defers: what it defers runs next. As deep as one likes.
#[tokio::test]
async fn defer_inside_a_deferred_call() {
    #[defer]
    fn work(trace: &Trace) {
        defer!(trace.push(1));
        defer! {
            trace.push(2);
            defer! {
                trace.push(4);
                defer!(trace.push(5));
            }
            defer!(trace.push(3));
        }
    }
    #[adefer]
    async fn work_async(trace: Trace) {
        let one = trace.clone();
        defer!(one.push(1));
        defer! {
            yield_now().await;
            trace.push(2);
            let (four, three) = (trace.clone(), trace.clone());
            defer! {
                yield_now().await;
                four.push(4);
                defer!(four.push(5));
            }
            defer!(three.push(3));
            yield_now().await;
            trace.push("2 ends");
        }
    }
    let trace = Trace::new();
    work(&trace);
    assert_eq!(trace, ["2", "3", "4", "5", "1"]);
    let trace = Trace::new();
    work_async(trace.clone()).await;
    assert_eq!(trace, ["2", "2 ends", "3", "4", "5", "1"]);
}

#[derive(Debug, PartialEq)]
enum AppError {
    Body,
    Late(u8),
}

impl From<u8> for AppError {
    fn from(n: u8) -> Self {
        Self::Late(n)
    }
}

fn fails<E>(error: E, trace: &Trace) -> Result<(), E> {
    trace.push("failed");
    Err(error)
}

/// One that fails keeps no other from running (upstream's fault). The first failure that the function can return
/// comes out; others are reported, each once.
#[test]
fn defer_calls_that_fail() {
    #[defer]
    fn into_result(ok: bool, trace: &Trace) -> Result<u32, AppError> {
        defer!(fails(1_u8, trace));
        defer!(fails(2_u8, trace));
        defer!(fails("of another type", trace));
        if ok { Ok(1) } else { Err(AppError::Body) }
    }
    #[defer]
    fn no_result(trace: &Trace) -> u32 {
        defer!(fails(1_u8, trace));
        defer!(fails(2_u8, trace));
        7
    }
    #[defer]
    fn sync_panics(how: u32, trace: &Trace) -> Result<(), AppError> {
        defer!(fails(1_u8, trace));
        defer!(panic!("deferred"));
        match how {
            0 => Ok(()),
            1 => Err(AppError::Body),
            _ => resume_unwind(Box::new("body")),
        }
    }
    keep_reports();
    let trace = Trace::new();
    assert_eq!(into_result(true, &trace), Err(AppError::Late(2)));
    let failed = (Kind::Error, Exit::Completed);
    assert_eq!(kinds("into_result"), [failed, failed]);
    assert_eq!(into_result(false, &trace), Err(AppError::Body));
    assert_eq!(kinds("into_result")[2..], [(Kind::Error, Exit::Failed); 3]);
    assert_eq!(trace.count("failed"), 6);

    assert_eq!(no_result(&trace), 7);
    assert_eq!(kinds("no_result"), [failed, failed]);
    assert_eq!(trace.count("failed"), 8);

    for (how, message) in [(0, "deferred"), (2, "body")] {
        let ended = catch_unwind(AssertUnwindSafe(|| sync_panics(how, &trace)));
        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&message));
    }
    assert_eq!(sync_panics(1, &trace), Err(AppError::Body));
    assert_eq!(trace.count("failed"), 11);
    assert_eq!(
        kinds("sync_panics"),
        [
            (Kind::Error, Exit::Completed),
            (Kind::Panic, Exit::Panicked),
            (Kind::Error, Exit::Panicked),
            (Kind::Panic, Exit::Failed),
            (Kind::Error, Exit::Failed)
        ]
    );
}

/// The same for the async form.
#[tokio::test]
async fn adefer_calls_that_fail() {
    async fn late<E>(error: E, trace: Trace) -> Result<(), E> {
        yield_now().await;
        fails(error, &trace)
    }
    #[adefer]
    async fn into_result_async(ok: bool, trace: &Trace) -> Result<u32, AppError> {
        let (one, two, three) = (trace.clone(), trace.clone(), trace.clone());
        defer!(late(1_u8, one));
        defer!(fails(2_u8, &two));
        defer!(late("of another type", three));
        if ok { Ok(1) } else { Err(AppError::Body) }
    }
    #[adefer]
    async fn no_result_async(trace: &Trace) -> u32 {
        let (one, two) = (trace.clone(), trace.clone());
        defer!(late(1_u8, one));
        defer!(late(2_u8, two));
        7
    }
    #[adefer]
    async fn async_panics(how: u32, trace: &Trace) -> Result<(), AppError> {
        let one = trace.clone();
        defer!(late(1_u8, one));
        defer!(panic!("deferred"));
        match how {
            0 => Ok(()),
            1 => Err(AppError::Body),
            _ => resume_unwind(Box::new("body")),
        }
    }
    keep_reports();
    let trace = Trace::new();
    assert_eq!(
        into_result_async(true, &trace).await,
        Err(AppError::Late(2))
    );
    let failed = (Kind::Error, Exit::Completed);
    assert_eq!(kinds("into_result_async")[0], failed);
    assert_eq!(kinds("into_result_async").len(), 2);
    assert_eq!(into_result_async(false, &trace).await, Err(AppError::Body));
    assert_eq!(kinds("into_result_async").len(), 5);
    assert_eq!(trace.count("failed"), 6);

    assert_eq!(no_result_async(&trace).await, 7);
    assert_eq!(kinds("no_result_async"), [failed, failed]);

    for (how, message) in [(0, "deferred"), (2, "body")] {
        let ended = AssertUnwindSafe(async_panics(how, &trace))
            .catch_unwind()
            .await;
        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&message));
    }
    assert_eq!(async_panics(1, &trace).await, Err(AppError::Body));
    assert_eq!(trace.count("failed"), 11);
    assert_eq!(kinds("async_panics").len(), 5);
}

/// A future that is dropped at any suspension point: what was deferred by then runs, once, in order.
#[tokio::test(start_paused = true)]
async fn adefer_cut_at_each_suspension_point() {
    #[adefer]
    async fn work(trace: Trace) {
        for id in 0..3 {
            let log = trace.clone();
            yield_now().await;
            trace.push(format!("+{id}"));
            defer! {
                yield_now().await;
                log.push(format!("-{id}"));
                yield_now().await;
            }
            let _dropped = trace.on_drop("body");
            yield_now().await;
        }
    }
    let mut cuts = 0;
    for polls in 0..100 {
        let trace = Trace::new();
        let mut work = Box::pin(work(trace.clone()));
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
        let events = trace.events();
        for event in events.iter().filter(|event| *event != "body") {
            match event.strip_prefix('+') {
                Some(id) => open.push(id),
                None => assert_eq!(open.pop(), event.strip_prefix('-')),
            }
        }
        assert!(open.is_empty(), "{polls}: {open:?}");
        if done {
            break;
        }
        cuts += 1;
    }
    assert!((10..99).contains(&cuts), "{cuts}");
}

/// In the background it is one task after another; the group of tasks around it waits (G2); those that run are
/// not cut short.
#[tokio::test(start_paused = true)]
async fn adefer_dropped_in_a_task_group() {
    #[adefer]
    async fn work(trace: Trace) {
        let (one, two) = (trace.clone(), trace.clone());
        defer!(slow(1, one));
        defer!(slow(2, two));
        pending::<()>().await;
    }
    let trace = Trace::new();
    let inside = trace.clone();
    let start = Instant::now();
    let cut = TaskGroup::scope(async |tg| {
        tg.spawn(work(inside));
        sleep(SECOND).await;
        Err::<(), _>("stop".into())
    });
    assert!(cut.await.is_err());
    assert_eq!(start.elapsed(), 3 * SECOND);
    assert_eq!(trace, ["2 begins", "2 ends", "1 begins", "1 ends"]);

    #[adefer]
    async fn ends(trace: Trace) {
        defer!(slow(3, trace));
    }
    let trace = Trace::new();
    let cut = timeout(SECOND / 2, ends(trace.clone()));
    assert!(cut.await.is_err());
    settled().await;
    assert_eq!(trace, ["3 begins", "3 ends"]);
}

/// What a function under the attributes may look like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defer_shapes() {
    trait Service {
        fn call(&self, text: &str) -> impl Future<Output = usize> + Send;
    }
    struct Counting(Trace);
    impl Service for Counting {
        #[adefer]
        async fn call(&self, text: &str) -> usize {
            let trace = self.0.clone();
            let each = |n: usize| defer!(trace.push(n));
            each(text.len());
            yield_now().await;
            text.len()
        }
    }
    #[adefer]
    async fn shown<T: ToString + Clone + Send + 'static>(
        what: T,
        (a, mut b): (u32, u32),
    ) -> std::io::Result<impl ToString> {
        let kept = what.clone();
        defer!(drop(kept));
        b += a;
        yield_now().await;
        Ok(format!("{} {b}", what.to_string()))
    }
    #[defer]
    fn twice(trace: &Trace, n: &mut u32) -> impl FnOnce() -> u32 + use<> {
        let each = |m: u32| defer!(trace.push(m));
        each(1);
        each(2);
        *n += 1;
        let n = *n;
        move || n
    }
    #[allow(dead_code, clippy::unused_async)]
    async fn is_send() {
        fn check(_: impl Send) {}
        check(shown(1, (1, 2)));
        check(Counting(Trace::new()).call("x"));
    }
    let trace = Trace::new();
    let service = Counting(trace.clone());
    let spawned = tokio::spawn(async move { service.call("four").await });
    assert_eq!(spawned.await.unwrap(), 4);
    let text = shown("x", (1, 2)).await.unwrap().to_string();
    assert_eq!(text, "x 3");
    assert_eq!(twice(&trace, &mut 4)(), 5);
    assert_eq!(trace, ["4", "2", "1"]);
}

/// From a task that a deferred call has started, after the function has ended: it still runs.
#[tokio::test]
async fn adefer_that_comes_too_late() {
    #[adefer]
    async fn work(trace: Trace) {
        defer! {
            tokio::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                let log = trace.clone();
                defer!(log.push("late"));
                trace.push("deferred");
            });
        }
    }
    let trace = Trace::new();
    work(trace.clone()).await;
    trace.wait_for("late").await;
    assert_eq!(trace.count("late"), 1);
}

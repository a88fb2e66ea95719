//! `aiter` and `apartial!`.

use std::{
    cell::Cell,
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use aiotools::{aiter, apartial, try_aiter};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream::FusedStream};
use tokio::time::sleep;

/// ITR-03: what is a stream already needs no wrapper.
#[tokio::test]
async fn functions_stream_without_sentinel() {
    let numbers: Vec<u32> = futures::stream::iter(0..10).collect().await;
    assert_eq!((numbers.len(), numbers.last()), (10, Some(&9)));
}

/// ITR-04.
#[tokio::test(start_paused = true)]
async fn functions_aiter_until_sentinel() {
    let calls = AtomicU32::new(0);
    let numbers = aiter(
        || async {
            sleep(Duration::from_millis(1)).await;
            calls.fetch_add(1, Relaxed)
        },
        5,
    );
    assert_eq!(calls.load(Relaxed), 0, "lazy");
    let numbers: Vec<u32> = numbers.collect().await;
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    assert_eq!(calls.load(Relaxed), 6);
}

/// `None` is a sentinel like any other.
#[tokio::test]
async fn functions_aiter_until_none() {
    let mut words = ["a", "b"].into_iter();
    let mut stream = aiter(move || ready(words.next()), None);
    assert_eq!(stream.next().await, Some(Some("a")));
    assert_eq!(stream.next().await, Some(Some("b")));
    assert!(!stream.is_terminated());
    assert_eq!(stream.next().await, None);
    assert!(stream.is_terminated());
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.size_hint(), (0, Some(0)));
}

/// One call at a time, and a step that is given up goes on at the next.
#[tokio::test]
async fn functions_aiter_cancelled_step() {
    let calls = Cell::new(0);
    let (open, gate) = tokio::sync::oneshot::channel();
    let gate = gate.shared();
    let mut stream = aiter(
        || {
            calls.set(calls.get() + 1);
            gate.clone()
        },
        Ok(0),
    );
    for _ in 0..3 {
        assert!(stream.next().now_or_never().is_none());
    }
    open.send(1).unwrap();
    assert_eq!(stream.next().await, Some(Ok(1)));
    assert_eq!(calls.get(), 1);
}

/// An error is the last.
#[tokio::test]
async fn functions_try_aiter() {
    let run = |fail: u32| {
        let calls = Cell::new(0);
        let numbers = try_aiter(
            || {
                let n = calls.replace(calls.get() + 1);
                ready(if n == fail { Err("broken") } else { Ok(n) })
            },
            5,
        );
        let collected: Vec<_> = numbers.collect().now_or_never().unwrap();
        (collected, calls.get())
    };
    let (all, calls) = run(9);
    assert_eq!(all, [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(calls, 6);
    let (some, calls) = run(1);
    assert_eq!(some, [Ok(0), Err("broken")]);
    assert_eq!(calls, 2);

    let mut n = 0;
    let sum = try_aiter(
        || {
            n += 1;
            ready(Ok::<_, ()>(n))
        },
        4,
    );
    let sum = sum.try_fold(0, |sum, n| ready(Ok(sum + n))).await;
    assert_eq!(sum, Ok(6));
}

/// A function that panicked is not called again.
#[tokio::test]
async fn functions_aiter_panic() {
    let calls = AtomicU32::new(0);
    let mut stream = aiter(
        || async {
            calls.fetch_add(1, Relaxed);
            panic!("boom")
        },
        (),
    );
    for _ in 0..2 {
        let step = std::panic::AssertUnwindSafe(stream.next()).catch_unwind();
        let _ = step.await;
    }
    assert_eq!(calls.load(Relaxed), 1);
}

#[test]
fn functions_aiter_auto_traits() {
    fn check(_: &(impl Send + Unpin + 'static)) {}
    let stream = aiter(pending::<u32>, 1);
    check(&stream);
    check(&try_aiter(|| async { Ok::<_, ()>(1) }, 1));
    assert!(format!("{stream:?}").contains("sentinel: 1"));
}

async fn join(a: String, b: u32, c: &str) -> String {
    format!("{a}{b}{c}")
}

#[tokio::test]
async fn functions_apartial() {
    let first = apartial!(join, "a".to_owned(), _, _);
    assert_eq!(first(1, "x").await, "a1x");
    assert_eq!(first(2, "y").await, "a2y");

    let middle = apartial!(join, _, 1 + 1, _,);
    assert_eq!(middle("b".into(), "z").await, "b2z");

    let all = apartial!(join, "c".to_owned(), 3, "w");
    assert_eq!(all.clone()().await, "c3w");
    assert_eq!(all().await, "c3w");

    let none = apartial!(join, _, _, _);
    assert_eq!(none(String::new(), 4, "").await, "4");

    let noargs = apartial!(|| 7);
    assert_eq!(noargs(), 7);
}

/// What is bound is evaluated once, and the names inside do not get in the way.
#[tokio::test]
async fn functions_apartial_evaluates_once() {
    let evaluations = Cell::new(0);
    let bound = 1;
    let open = 2;
    let function = 3;
    let add = |a: u32, b: u32, c: u32, d: u32| a * 1000 + b * 100 + c * 10 + d;
    let partial = apartial!(
        add,
        bound,
        {
            evaluations.set(evaluations.get() + 1);
            open
        },
        _,
        function
    );
    assert_eq!((partial(4), partial(5)), (1243, 1253));
    assert_eq!(evaluations.get(), 1);
}

/// It owns what it needs.
#[tokio::test]
async fn functions_apartial_in_tasks() {
    let shared = Arc::new(AtomicU32::new(0));
    async fn add(to: Arc<AtomicU32>, n: u32) {
        to.fetch_add(n, Relaxed);
    }
    let add = apartial!(add, shared.clone(), _);
    let tasks = (1..=10).map(|n| tokio::spawn(add(n)));
    futures::future::join_all(tasks).await;
    assert_eq!(shared.load(Relaxed), 55);
}

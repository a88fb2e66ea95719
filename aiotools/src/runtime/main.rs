//! What `#[aiotools::main]` expands to.
//!
//! # The way out
//!
//! 1. The body ends: its value is the exit code. Or it panics. Or a signal comes: the root scope is cancelled, and has
//!    `drain_timeout` to end; a body that returns a value all the same keeps it, one that was cut has 128 plus the signal.
//! 2. Cleanups in the background have `drain_timeout`.
//! 3. The runtime is dropped, without waiting for blocking work.

use std::{
    cell::OnceCell,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    process,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use super::Flavor;
use crate::{
    cancel::CancelReason,
    cleanup,
    task::{ScopeError, TaskScope, engine::Node},
};

const DRAIN: Duration = Duration::from_secs(10);

/// Runs `main`.
pub fn run_main<F: Future>(flavor: Flavor, drain: Option<Duration>, body: F) -> F::Output {
    let limit = drain.unwrap_or(DRAIN);
    let runtime = flavor.build();
    // On the heap, as it may be big.
    let body = Box::pin(body);
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(root(body, limit))));
    let drained = runtime.block_on(cleanup::drain(limit));
    if !drained.is_complete() {
        tracing::error!("{drained} after {limit:?}");
    }
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Value(value)) => value,
        Ok(Ended::Signal(signal)) => process::exit(128 + signal.number),
        Err(panic) => resume_unwind(panic),
    }
}

enum Ended<R> {
    Value(R),
    Signal(Signal),
}

/// The root scope, until it has ended, or a signal has ended it.
async fn root<F: Future>(body: Pin<Box<F>>, limit: Duration) -> Ended<F::Output> {
    let node = OnceCell::new();
    let scope = TaskScope::builder().name("main").try_scope(async |ts| {
        let _ = node.set(Arc::clone(ts.node()));
        body.await
    });
    let mut scope = pin!(scope);
    let mut signals = Signals::new();
    let signal = match first(scope.as_mut(), signals.next()).await {
        Either::Left(ended) => return value(ended, Signal::INTERRUPT),
        Either::Right(signal) => signal,
    };
    if let Some(node) = node.get() {
        Node::cancel(node, &CancelReason::new(signal.name));
    }
    let again = async {
        let late = pin!(tokio::time::sleep(limit));
        first(signals.next(), late).await
    };
    match first(scope, pin!(again)).await {
        Either::Left(ended) => value(ended, signal),
        Either::Right(Either::Left(second)) => {
            tracing::warn!("{} came again: the process ends at once", second.name);
            process::exit(128 + second.number)
        }
        Either::Right(Either::Right(())) => {
            tracing::error!(
                "the program did not end within {limit:?} after {}\n{}",
                signal.name,
                crate::task::dump()
            );
            Ended::Signal(signal)
        }
    }
}

fn value<R>(ended: Result<R, ScopeError>, signal: Signal) -> Ended<R> {
    match ended {
        Ok(value) => Ended::Value(value),
        Err(_) => Ended::Signal(signal),
    }
}

enum Either<A, B> {
    Left(A),
    Right(B),
}

/// Whichever ends first; the left one, if both do.
async fn first<A, B>(mut a: A, b: B) -> Either<A::Output, B::Output>
where
    A: Future + Unpin,
    B: Future,
{
    let mut b = pin!(b);
    poll_fn(|cx| {
        if let Poll::Ready(a) = Pin::new(&mut a).poll(cx) {
            return Poll::Ready(Either::Left(a));
        }
        b.as_mut().poll(cx).map(Either::Right)
    })
    .await
}

#[derive(Clone, Copy)]
struct Signal {
    name: &'static str,
    number: i32,
}

impl Signal {
    const INTERRUPT: Self = Self {
        name: "SIGINT",
        number: 2,
    };
}

/// The signals that end a program. Where they cannot be had, the system deals with them.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    fn next(&mut self) -> impl Future<Output = Signal> + Unpin {
        const TERMINATE: Signal = Signal {
            name: "SIGTERM",
            number: 15,
        };
        poll_fn(|cx| {
            for (signals, signal) in [
                (&mut self.interrupt, Signal::INTERRUPT),
                (&mut self.terminate, TERMINATE),
            ] {
                if let Some(signals) = signals
                    && let Poll::Ready(Some(())) = signals.poll_recv(cx)
                {
                    return Poll::Ready(signal);
                }
            }
            Poll::Pending
        })
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as on Unix")]
    fn next(&mut self) -> impl Future<Output = Signal> + Unpin {
        Box::pin(async {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Signal::INTERRUPT,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

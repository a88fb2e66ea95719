//! What `#[aiotools::main]` expands to.
//!
//! # The way out
//!
//! 1. The body ends: its value is the exit code. Or it panics. Or a signal comes: the root scope is cancelled, and has
//!    `drain_timeout` to end; a body that returns a value all the same keeps it, one that was cut has 128 plus the signal.
//! 2. Cleanups in the background have `drain_timeout`. A first signal that comes only now ends this.
//! 3. The runtime is dropped, without waiting for blocking work.
//!
//! A second signal ends the process at any point, and so does the thread of [`Signals`] when 1 and 2 have taken too long.

use std::{
    cell::OnceCell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    process::{self, Termination},
    sync::Arc,
    time::Duration,
};

use super::{
    Flavor,
    either::{Either, either},
    signals::{Signal, Signals},
};
use crate::{
    cancel::CancelReason,
    cleanup,
    task::{ScopeError, TaskScope, engine::Node},
    time::engine::stop_detached,
};

const DRAIN: Duration = Duration::from_secs(10);
/// What an ending takes besides its waits.
const SLACK: Duration = Duration::from_secs(1);

/// Runs `main`.
pub fn run_main<F>(flavor: Flavor, drain: Option<Duration>, body: F) -> F::Output
where
    F: Future<Output: Termination>,
{
    let limit = drain.unwrap_or(DRAIN);
    let runtime = flavor.build();
    let mut signals = Signals::listen(limit.saturating_mul(2).saturating_add(SLACK));
    // On the heap, as it may be big.
    let body = Box::pin(body);
    let root = || runtime.block_on(root(body, &mut signals, limit));
    let ended = catch_unwind(AssertUnwindSafe(root));
    let interrupted = runtime.block_on(drained(&mut signals, limit));
    runtime.shutdown_background();
    match (ended, interrupted) {
        (Err(panic), _) => resume_unwind(panic),
        (Ok(Ended::Cut(code)), _) => process::exit(code),
        (Ok(Ended::Value(value)), Some(signal)) => {
            // The exit code is that of the signal, but an error is printed.
            value.report();
            process::exit(signal.exit_code())
        }
        (Ok(Ended::Value(value)), None) => value,
    }
}

enum Ended<R> {
    Value(R),
    /// With an exit code.
    Cut(i32),
}

/// The root scope, until it has ended, or a signal has ended it.
async fn root<F: Future>(
    body: Pin<Box<F>>,
    signals: &mut Signals,
    limit: Duration,
) -> Ended<F::Output> {
    let node = OnceCell::new();
    let scope = TaskScope::builder().name("main").try_scope(async |ts| {
        let node = node.get_or_init(|| Arc::clone(ts.node()));
        let output = body.await;
        // They have no end of their own, and would keep the program running.
        stop_detached(node);
        output
    });
    let mut scope = pin!(scope);
    let signal = match either(&mut scope, pin!(signals.first())).await {
        Either::Left(ended) => return value(ended, 1),
        Either::Right(signal) => signal,
    };
    if let Some(node) = node.get() {
        Node::cancel(node, &CancelReason::new(signal.name));
    }
    match tokio::time::timeout(limit, scope).await {
        Ok(ended) => value(ended, signal.exit_code()),
        Err(_) => {
            let dump = crate::task::dump();
            tracing::error!(
                "the program did not end within {limit:?} after {}\n{dump}",
                signal.name
            );
            Ended::Cut(signal.exit_code())
        }
    }
}

fn value<R>(ended: Result<R, ScopeError>, code: i32) -> Ended<R> {
    match ended {
        Ok(value) => Ended::Value(value),
        Err(error) => {
            tracing::warn!("{error}");
            Ended::Cut(code)
        }
    }
}

/// Waits for cleanups in the background. Gives the first signal, if it comes only now.
async fn drained(signals: &mut Signals, limit: Duration) -> Option<Signal> {
    let drain = pin!(cleanup::drain(limit));
    let drained = if signals.is_heard() {
        drain.await
    } else {
        match either(drain, pin!(signals.first())).await {
            Either::Left(drained) => drained,
            Either::Right(signal) => {
                let name = signal.name;
                tracing::warn!("{name} came while cleanups were going on: they are left behind");
                return Some(signal);
            }
        }
    };
    if !drained.is_complete() {
        tracing::error!("{drained} after {limit:?}");
    }
    None
}

//! What is one per process: the error hook, the counters, the wait for all cleanups. So these tests run
//! one at a time.

#![deny(warnings)]
#![allow(missing_docs, reason = "tests")]

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Random compositions of managers, cut at every one of their polls.
#[path = "cleanup/compositions.rs"]
mod compositions;

/// `drain`: whom it waits for, until when, and what it says.
#[path = "cleanup/drain.rs"]
mod drain;

/// Stacks and groups of managers that are dropped.
#[path = "cleanup/exit_stack.rs"]
mod exit_stack;

/// The error hook.
#[path = "cleanup/hook.rs"]
mod hook;

/// A lent value is gone before the cleanup runs on another thread.
#[path = "cleanup/lending.rs"]
mod lending;

/// Where the cleanups of `local` managers go on.
#[path = "cleanup/local.rs"]
mod local;

/// Where cleanups go on: on which runtime, or, without one, how far.
#[path = "cleanup/runtimes.rs"]
mod runtimes;

/// The counters.
#[path = "cleanup/stats.rs"]
mod stats;

/// `cleanup_timeout`.
#[path = "cleanup/timeout.rs"]
mod timeout;

/// Held by each test in this binary.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    aiotools_tests::reports::keep_reports_again();
    alone
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// With a clock that jumps to the next timer when there is nothing to do.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

fn multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

//! One tick, outside the lock: in place, or as a task.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{runner::Runner, shared::Shared, table::Due, work::Home};
use crate::task::{
    TaskError,
    engine::{Kind, Lazy, Node, enter, enter_lazy},
};

/// Runs what is due.
pub(super) fn run(shared: &Arc<Shared>, runtime: &Handle, batch: &mut [Due]) {
    let key = Cell::new(0);
    let make = || {
        let home = shared.home(key.get());
        let mut node = Node::new(Kind::Task, Some(Arc::clone(&home)), home.location);
        node.name.clone_from(&home.name);
        Arc::new(node)
    };
    let mut lazy = Lazy::new(&make);
    for due in batch {
        if due.is_inline {
            key.set(due.key);
            poll(shared, runtime, due, &mut lazy);
        } else {
            spawn(shared, runtime, due);
        }
    }
}

/// Polls a tick in place. It gets a node only if it asks for one.
fn poll(shared: &Arc<Shared>, runtime: &Handle, due: &mut Due, lazy: &mut Lazy<'_>) {
    let Some(work) = &mut due.work else { return };
    let mut cx = Context::from_waker(Waker::noop());
    let interval = Duration::from_nanos(due.interval);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        enter_lazy(lazy, || work.as_mut().poll(interval, &mut cx))
    }));
    match polled {
        Ok(Poll::Ready(Ok(()))) => {}
        Ok(Poll::Pending) => {
            if let Some(work) = due.work.take() {
                return Runner::start(shared, runtime, due, work, lazy.take());
            }
        }
        Ok(Poll::Ready(Err(error))) => {
            report(shared, due.key, |name, at| {
                TaskError::failed(name, at, error)
            });
        }
        Err(payload) => {
            let clear = AssertUnwindSafe(|| enter_lazy(lazy, || work.as_mut().clear()));
            // The first panic is the one that counts.
            drop(catch_unwind(clear));
            report(shared, due.key, |name, at| {
                TaskError::panicked(name, at, payload)
            });
        }
    }
    if let Some(node) = lazy.take() {
        // Over, but it may have left something behind.
        let heir = node.parent.clone();
        node.orphan(heir);
    }
}

/// Starts a tick as a task.
fn spawn(shared: &Shared, runtime: &Handle, due: &mut Due) {
    let node = &*due.node.get_or_insert_with(|| shared.home(due.key));
    let home = Home { node, runtime };
    let interval = Duration::from_nanos(due.interval);
    let Some(work) = &mut due.work else { return };
    let spawn = AssertUnwindSafe(|| enter(node, || work.as_mut().spawn(interval, home)));
    match catch_unwind(spawn) {
        Ok(started) => due.left_out = !started,
        Err(payload) => {
            report(shared, due.key, |name, at| {
                TaskError::panicked(name, at, payload)
            });
        }
    }
}

#[cold]
fn report(
    shared: &Shared,
    key: u32,
    error: impl FnOnce(Option<Arc<str>>, &'static Location<'static>) -> TaskError,
) {
    let about = shared.lock().about(key);
    let error = error(about.name, about.location);
    if !error.is_cancelled() {
        about.handler.call(&error);
    }
}

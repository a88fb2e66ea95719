//! A tick that suspended, in a task of its own.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{
    entry::{BoxWork, State},
    shared::{Shared, discard},
    table::Due,
    work::Outcome,
};
use crate::task::engine::{Node, Spawner, spawn_like};

/// Goes on with one tick, and brings the timer's work back when that is over: at its end, its panic, or its cancellation.
pub(super) struct Runner {
    shared: Arc<Shared>,
    key: u32,
    generation: u32,
    interval: Duration,
    work: Option<BoxWork>,
}

impl Runner {
    /// Moves a tick that has begun in the driver to a task. `node` is what the tick has got of the tree by now.
    pub(super) fn start(
        shared: &Arc<Shared>,
        runtime: &Handle,
        due: &Due,
        work: BoxWork,
        node: Option<Arc<Node>>,
    ) {
        let runner = Self {
            shared: Arc::clone(shared),
            key: due.key,
            generation: due.generation,
            interval: Duration::from_nanos(due.interval),
            work: Some(work),
        };
        let home = shared.home(due.key);
        match node {
            // Refused, it is dropped, and has brought the work back.
            Some(node) => drop(Spawner::at(&home, runtime).spawn_with_node(&node, runner)),
            None => spawn_like(&home, runtime, runner),
        }
    }

    fn bring_back(&mut self, work: BoxWork) {
        let mut garbage = None;
        let mut waker = None;
        {
            let mut table = self.shared.lock();
            match table.of(self.key, self.generation) {
                Some(entry) if entry.state == State::Task => {
                    entry.state = State::Idle;
                    entry.work = Some(work);
                    if entry.take_queued() {
                        table.trigger(self.key, self.generation);
                        waker = table.waker_for(0);
                    }
                }
                // The driver has not yet noted that it gave it away.
                Some(entry) if entry.state == State::Away => entry.work = Some(work),
                // The timer has stopped.
                _ => garbage = Some(work),
            }
        }
        discard(garbage);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Runner {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let interval = self.interval;
        let Some(work) = &mut self.work else {
            panic!("a tick was polled after its end")
        };
        let Poll::Ready(outcome) = work.as_mut().poll(interval, cx) else {
            return Poll::Pending;
        };
        if let Some(work) = self.work.take() {
            self.bring_back(work);
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let Some(mut work) = self.work.take() else {
            return;
        };
        let cleared = catch_unwind(AssertUnwindSafe(|| work.as_mut().clear()));
        self.bring_back(work);
        if let Err(payload) = cleared
            && !std::thread::panicking()
        {
            // It is the engine that drops this, and reports it.
            resume_unwind(payload);
        }
    }
}

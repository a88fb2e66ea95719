//! The one task that runs all timers of a runtime, or of a group.
//!
//! It takes what is due out of the [`Table`] in batches, runs it without the lock, puts it back, and sleeps until the wheel says so. A
//! tick that suspends is moved, with the future that it has begun, to a task of its own ([`Runner`]), so that it is polled by
//! the waker that it has left; the poll before that had a waker that does nothing, and the first poll in the new task makes up for it.
//!
//! In a group, the driver is a child of that group: the group waits for it, and cancels it. What it drives is cancelled with it, and
//! handed to the node of the driver, for which the group waits too (G2).

use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

use super::{
    drivers::Key,
    extra::nanos,
    policy::TimerDelayPolicy,
    runner::Runner,
    table::{Closed, Due, State, Table},
    work::{Outcome, Start},
};
use crate::{
    cancel::{CancelReason, ReasonKind},
    task::{
        BoxError, TaskError,
        engine::{Handler, Kind, Lazy, Node, Waiting, enter, enter_lazy},
    },
};

/// How many ticks are taken out at once, and how many are run before others get a turn.
const BATCH: usize = 32;
const TURN: usize = 256;

/// What the driver and the handles of its timers share.
pub(super) struct Shared {
    table: Mutex<Table>,
    epoch: Instant,
    pub(super) key: Key,
    /// The driver's own node, if it is in a group.
    pub(super) node: Option<Arc<Node>>,
}

impl Shared {
    pub(super) fn new(node: Option<Arc<Node>>, key: Key) -> Self {
        Self {
            key,
            table: Mutex::new(Table::new()),
            epoch: Instant::now(),
            node,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        // No foreign code runs under the lock, so nothing is ever half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, in ns since the driver began.
    pub(super) fn now(&self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.epoch))
    }

    pub(super) fn instant(&self, at: u64) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_nanos(at))
    }
}

/// The future of the driver.
pub(super) struct Driver {
    shared: Arc<Shared>,
    sleep: Option<Pin<Box<Sleep>>>,
    batch: Vec<Due>,
    winding_down: Option<Vec<(Arc<Node>, Waiting)>>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            sleep: None,
            batch: Vec::new(),
            winding_down: None,
        }
    }

    /// The group has asked its children to wind down: no more ticks, and those that run hear of it. Ready when they have ended.
    fn wind_down(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.winding_down.is_none() {
            let Some(asked) = self.shared.node.as_ref().and_then(Node::any_request) else {
                return Poll::Pending;
            };
            let reason = asked.reason();
            let running = self.shared.lock().running();
            for node in &running {
                if let Some(family) = &node.family {
                    family.cancel(&reason, false);
                }
            }
            let running = running.into_iter().map(|node| (node, Waiting::default()));
            self.winding_down = Some(running.collect());
        }
        let running = self.winding_down.get_or_insert_default();
        running.retain_mut(|(node, waiting)| {
            // Before the look, so that no end is missed.
            waiting.watch(node, cx.waker());
            !node.try_close()
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Sleeps until the next tick. Ready if it is due now.
    fn sleep_until(&mut self, next: u64, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.shared.epoch.checked_add(Duration::from_millis(next)) else {
            return Poll::Pending;
        };
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        // Not under the budget of the task, which the ticks may have used up.
        let mut sleep = std::pin::pin!(tokio::task::coop::unconstrained(sleep.as_mut()));
        sleep.as_mut().poll(cx)
    }

    /// Gives when to look again, if nothing else was due.
    fn run_batch(&mut self, now: u64) -> Option<u64> {
        for due in &mut self.batch {
            if due.policy.is_inline() {
                run_inline(&self.shared, due);
            } else {
                run_spawned(&self.shared, due);
            }
        }
        self.finish(now)
    }

    /// Puts everything back.
    fn finish(&mut self, now: u64) -> Option<u64> {
        let all = self.batch.len() < BATCH;
        let mut garbage = Vec::new();
        let mut stopped = Vec::new();
        let mut wakers = Vec::new();
        let next = {
            let mut table = self.shared.lock();
            for due in self.batch.drain(..) {
                let Due {
                    key, work, extra, ..
                } = due;
                let entry = table.slab.get_mut(key);
                entry.ticks -= u64::from(due.left_out);
                if entry.state == State::Stopping {
                    entry.state = State::Stopped;
                    if let Some(ticks) = extra.as_ref().and_then(|extra| extra.context.as_ref()) {
                        stopped.push(Arc::clone(ticks.node()));
                    }
                    wakers.append(&mut table.stopping);
                    let entry = table.slab.get_mut(key);
                    if entry.is_detached() {
                        garbage.push((work, extra));
                        table.free(key);
                    } else {
                        entry.extra = extra;
                        garbage.push((work, None));
                    }
                    continue;
                }
                // A store alone would look at what it replaces, which is nothing.
                if extra.is_some() {
                    entry.extra = extra;
                }
                // If the tick suspended, a task has the work now, unless it has brought it back already.
                if work.is_some() {
                    entry.work = work;
                }
                entry.state = match entry.work {
                    Some(_) => State::Idle,
                    None => State::Task,
                };
                table.link(key, now);
            }
            let next = if all { table.rests_until() } else { None };
            if let Some(next) = next {
                table.sleeps_until = Some(next);
            }
            next
        };
        for node in stopped {
            node.cancel_children(&CancelReason::of(ReasonKind::Requested));
        }
        discard(garbage);
        wakers.into_iter().for_each(Waker::wake);
        next
    }

    /// All timers have stopped: a new one gets a new driver.
    fn close(&mut self) -> Poll<Result<(), BoxError>> {
        self.shared.lock().closed = true;
        super::drivers::forget(&self.shared);
        Poll::Ready(Ok(()))
    }
}

impl Future for Driver {
    type Output = Result<(), BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut ran = 0;
        loop {
            if this.wind_down(cx).is_ready() {
                return this.close();
            }
            if this.winding_down.is_some() {
                return Poll::Pending;
            }
            let now = this.shared.now();
            let next = {
                let mut table = this.shared.lock();
                if table.alive == 0 {
                    drop(table);
                    return this.close();
                }
                if table
                    .driver
                    .as_ref()
                    .is_none_or(|known| !known.will_wake(cx.waker()))
                {
                    table.driver = Some(cx.waker().clone());
                }
                table.collect(now, &mut this.batch, BATCH);
                // While it runs, it looks by itself.
                table.sleeps_until = Some(0);
                if this.batch.is_empty() {
                    table.sleeps_until = table.next(now);
                    Some(table.sleeps_until)
                } else {
                    None
                }
            };
            match next {
                None => {
                    ran += this.batch.len();
                    let next = this.run_batch(now);
                    if ran >= TURN || !tokio::task::coop::has_budget_remaining() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    if let Some(next) = next
                        && this.sleep_until(next, cx).is_pending()
                    {
                        return Poll::Pending;
                    }
                }
                Some(None) => return Poll::Pending,
                Some(Some(next)) => {
                    if this.sleep_until(next, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Drop for Driver {
    /// The group was cancelled, or the runtime went away: all timers stop.
    fn drop(&mut self) {
        super::drivers::forget(&self.shared);
        // A batch is only there if a panic of the library itself came in between.
        discard(std::mem::take(&mut self.batch));
        let reason = match self.shared.node.as_ref().and_then(Node::any_request) {
            Some(asked) => asked.reason(),
            None => CancelReason::of(ReasonKind::Shutdown),
        };
        let Closed {
            garbage,
            running,
            wakers,
        } = self.shared.lock().close();
        for ticks in running {
            ticks.abandon(&reason);
        }
        discard(garbage);
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cold]
fn report(shared: &Shared, due: &Due, outcome: Result<Outcome, Box<dyn Any + Send>>) {
    let name = due.extra.as_ref().and_then(|extra| extra.name.clone());
    let location = shared.lock().location(due.key);
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => TaskError::failed(name, location, error),
        Err(payload) => TaskError::panicked(name, location, payload),
    };
    if error.is_cancelled() {
        return;
    }
    match &due.extra {
        Some(extra) => extra.handler.call(&error),
        None => Handler::Trace.call(&error),
    }
}

/// Polls a tick in place.
fn run_inline(shared: &Arc<Shared>, due: &mut Due) {
    let Some(mut work) = due.work.take() else {
        return;
    };
    let mut cx = Context::from_waker(Waker::noop());
    let (interval, key) = (due.interval, due.key);
    let extra = RefCell::new(&mut due.extra);
    let make = || {
        let mut extra = extra.borrow_mut();
        let extra = extra.get_or_insert_default();
        let location = shared.lock().location(key);
        let ticks = extra.ticks(shared.node.as_ref(), location);
        let mut node = Node::new(Kind::Task, Some(Arc::clone(ticks.node())), location);
        node.name = extra.name.clone();
        Arc::new(node)
    };
    let lazy = Lazy::new(&make);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        enter_lazy(&lazy, || work.as_mut().poll(interval, &mut cx))
    }));
    let polled = polled.inspect_err(|_| {
        let clear = AssertUnwindSafe(|| enter_lazy(&lazy, || work.as_mut().clear()));
        // The first panic is the one that counts.
        drop(catch_unwind(clear));
    });
    let node = lazy.into_node();
    let outcome = match polled {
        Ok(Poll::Pending) => return Runner::start(shared, due, work, node),
        Ok(Poll::Ready(outcome)) => Ok(outcome),
        Err(payload) => Err(payload),
    };
    if let Some(node) = node {
        // Over, but it may have left something behind.
        let heir = node.parent.clone();
        node.orphan(heir);
    }
    due.work = Some(work);
    if !matches!(outcome, Ok(Ok(()))) {
        report(shared, due, outcome);
    }
}

/// Starts a tick as a task.
fn run_spawned(shared: &Arc<Shared>, due: &mut Due) {
    let (interval, location) = (due.interval, shared.lock().location(due.key));
    let extra = due.extra.get_or_insert_default();
    let spawner = extra.ticks(shared.node.as_ref(), location).spawner.clone();
    let mut start = Start {
        spawner: &spawner,
        name: extra.name.as_deref(),
        location,
        after: None,
        started: None,
    };
    let cancels = due.policy == TimerDelayPolicy::Cancel;
    if !cancels && extra.max_running != u32::MAX && spawner.len() >= extra.max_running as usize {
        extra.skipped += 1;
        due.left_out = true;
        return;
    }
    let number = extra.number;
    if cancels && let Some(last) = extra.last.take_if(|last| !last.is_finished()) {
        // Acquire: pairs with the release in `started`; it only decides who is cancelled.
        if extra.started.load(Ordering::Acquire) < number {
            // The one before it is still cleaning up: this tick would only take the place of that one.
            extra.last = Some(last);
            extra.skipped += 1;
            due.left_out = true;
            return;
        }
        last.cancel_with("the next tick is due");
        start.after = Some(last);
        let started = Arc::clone(&extra.started);
        start.started = Some(Box::new(move || {
            started.store(number + 1, Ordering::Release);
        }));
    } else if cancels {
        extra.started.store(number + 1, Ordering::Release);
    }
    let Some(work) = &mut due.work else { return };
    let call = AssertUnwindSafe(|| enter(spawner.node(), || work.as_mut().spawn(interval, start)));
    match catch_unwind(call) {
        Ok(handle) if cancels => {
            extra.number = number + 1;
            extra.last = Some(handle);
        }
        Ok(_) => {}
        Err(payload) => report(shared, due, Err(payload)),
    }
}

/// Drops what belongs to users; a panic of theirs does not stop the timers.
pub(super) fn discard<T>(garbage: T) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(garbage))));
}

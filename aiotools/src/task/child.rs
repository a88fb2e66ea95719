//! The future that each child's tokio task polls: the user's future, and around it what makes it a member of a group.
//!
//! # States (`Head::own`)
//!
//! ```text
//! NEW ──first poll──► RUNNING ──ready, panicked, cancelled──► ENDING ──own cleanups done──► DONE
//!  └────────────── cancelled before it ever ran ───────────────┘
//! ```
//!
//! NEW, RUNNING: `stage` holds the future. ENDING: it holds the result. DONE: it holds nothing, and the group's unit is given back.
//!
//! # Soundness
//!
//! 1. `stage` is touched by the owner of the future only (in `poll` and `drop`, which have it alone); other threads know the
//!    `Head` only, and that through shared references.
//! 2. The user's future is never moved: it is dropped in place.
//! 3. The unit of the group is held from `new` until DONE, and given back once: at DONE, or in `drop`.
#![expect(
    unsafe_code,
    reason = "a pinned future beside an intrusive list node; the argument is above"
)]

use std::{
    any::Any,
    cell::UnsafeCell,
    future::Future,
    marker::{PhantomData, PhantomPinned},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{
    children::Head,
    current,
    error::TaskError,
    family::{Family, Parked},
    handle::Ended,
    node::Node,
    output::Convert,
    report,
    sync::Arc,
};
use crate::cancel::{CancelReason, ReasonKind};

const POLLED: u8 = 1;
const STARTED: u8 = 2;
const ENDING: u8 = 4;
const DONE: u8 = 8;
/// It does not count for `max_concurrency`.
const EXEMPT: u8 = 16;

type Outcome<T> = Result<T, TaskError>;

union Stage<F, T> {
    future: ManuallyDrop<F>,
    /// Boxed, so that a big result does not make every parked child bigger.
    ended: ManuallyDrop<Box<Outcome<T>>>,
}

/// A member of a group.
pub(crate) struct Child<F: Future, C: Convert<F::Output>> {
    head: Head,
    stage: UnsafeCell<Stage<F, C::Value>>,
    _convert: PhantomData<fn() -> C>,
    _pinned: PhantomPinned,
}

// SAFETY: `Head` is made to be shared under the group's lock; the future moves between threads as the user's does.
unsafe impl<F: Future + Send, C: Convert<F::Output>> Send for Child<F, C> {}

enum Step<T> {
    Again,
    Wait,
    Ended(Outcome<T>),
}

impl<F: Future, C: Convert<F::Output>> Child<F, C> {
    /// # Safety
    ///
    /// The caller has entered `group` for this child and got `seq` for it; the child gives that unit back.
    pub(crate) unsafe fn new(
        group: &Arc<Node>,
        seq: u32,
        location: &'static Location<'static>,
        node: Option<Arc<Node>>,
        future: F,
    ) -> Self {
        // SAFETY: passed on.
        let head = unsafe { Head::new(group, seq, location) };
        if let Some(node) = node {
            head.set_node(node);
        }
        Self {
            head,
            stage: UnsafeCell::new(Stage {
                future: ManuallyDrop::new(future),
            }),
            _convert: PhantomData,
            _pinned: PhantomPinned,
        }
    }

    /// The body of this child has begun elsewhere: it goes on at once, whatever the group's
    /// `max_concurrency` is, and whatever it was asked.
    pub(crate) fn exempt(self) -> Self {
        self.mark(EXEMPT);
        self
    }

    fn is(&self, flag: u8) -> bool {
        self.head.own.get() & flag != 0
    }

    fn mark(&self, flag: u8) {
        self.head.own.set(self.head.own.get() | flag);
    }

    fn family(&self) -> &Family {
        self.head
            .group()
            .family
            .as_ref()
            .expect("a child belongs to a group")
    }

    fn cancelled(&self, reason: CancelReason) -> TaskError {
        let name = self.head.node().and_then(|node| node.name.clone());
        TaskError::cancelled(name, self.head.location(), reason)
    }

    /// Drops the user's future in place, with this child as the current node, so that what it leaves behind is counted here.
    fn drop_future(&self) -> Option<Box<dyn Any + Send>> {
        self.mark(ENDING);
        // SAFETY: rules 1 and 2; ENDING says that the future is gone, so this happens once.
        let drop = || unsafe { ManuallyDrop::drop(&mut (*self.stage.get()).future) };
        self.within(|| catch_unwind(AssertUnwindSafe(drop))).err()
    }

    fn within<R>(&self, call: impl FnOnce() -> R) -> R {
        match self.head.node().and_then(|node| node.context.as_ref()) {
            None => current::enter_child(&self.head, call),
            Some(context) => context.enter(|| current::enter_child(&self.head, call)),
        }
    }

    /// The child is cancelled now: its future is dropped.
    fn cut(&self, reason: CancelReason) -> Outcome<C::Value> {
        match self.drop_future() {
            None => Err(self.cancelled(reason)),
            Some(payload) => Err(self.panicked(payload)),
        }
    }

    #[cold]
    fn panicked(&self, payload: Box<dyn Any + Send>) -> TaskError {
        let name = self.head.node().and_then(|node| node.name.clone());
        TaskError::panicked(name, self.head.location(), payload)
    }

    fn step(&self, cx: &mut Context<'_>) -> Step<C::Value> {
        let first = !self.is(POLLED);
        if first {
            self.mark(POLLED);
            self.family().claim(&self.head);
        }
        match self.head.node() {
            // A request that comes before the body has begun means that it never does. One that was begun
            // elsewhere goes on.
            Some(node) if !self.is(STARTED | EXEMPT) => {
                self.family().pass_on(self.head.group(), node);
                if node.control().requests() > 0 {
                    let reason = node.reason();
                    return Step::Ended(self.cut(reason));
                }
            }
            // A child with a node may have regions and shields open; they are asked first, by polling it.
            Some(_) => {}
            None => {
                let group = self.head.group().control();
                if group.kids_hard() || group.kids_soft() && !self.is(STARTED) {
                    return Step::Ended(self.cut(self.family().kids_reason()));
                }
            }
        }
        if !self.is(STARTED | EXEMPT) {
            if !self.family().may_start(self.head.seq, cx.waker()) {
                return self.wait_for_start(cx.waker());
            }
            self.mark(STARTED);
        }
        // SAFETY: rules 1 and 2.
        let future = unsafe { Pin::new_unchecked(&mut *(*self.stage.get()).future) };
        let mut output = None;
        let poll = || {
            let Poll::Ready(value) = future.poll(cx) else {
                return;
            };
            output = Some(value);
            self.mark(ENDING);
            // SAFETY: rules 1 and 2; ENDING says that the future is gone, so this happens once.
            unsafe { ManuallyDrop::drop(&mut (*self.stage.get()).future) };
        };
        match (self.within(|| catch_unwind(AssertUnwindSafe(poll))), output) {
            (dropped, Some(output)) => Step::Ended(self.ended_with(output, dropped.err())),
            (Ok(()), None) => {
                if let Some(node) = self.head.node()
                    && node.control().deliverable()
                {
                    let reason = node.reason();
                    node.mark_delivered();
                    return Step::Ended(self.cut(reason));
                }
                // A child that is linked and has no node is left alone: there is nothing to look at.
                if self.head.is_linked() && self.head.node().is_none() {
                    return Step::Wait;
                }
                match self.family().park(&self.head, cx.waker()) {
                    Parked::Yes => self.recheck(),
                    Parked::Retry => Step::Again,
                }
            }
            (Err(payload), None) => {
                if let Some(second) = self.drop_future() {
                    report::unhandled(&self.panicked(second));
                }
                Step::Ended(Err(self.panicked(payload)))
            }
        }
    }

    /// A request that came in just before the waker was stored woke nobody.
    #[cold]
    fn recheck(&self) -> Step<C::Value> {
        match self.head.node() {
            Some(node) if node.control().deliverable() => Step::Again,
            _ => Step::Wait,
        }
    }

    #[cold]
    fn wait_for_start(&self, waker: &Waker) -> Step<C::Value> {
        self.head.own.set(self.head.own.get() & !POLLED);
        self.family().claim(&self.head);
        // What was asked before the waker was stored woke nobody.
        let asked = match self.head.node() {
            None => self.head.group().control().kids_soft(),
            Some(node) => {
                node.set_host(waker);
                self.family().pass_on(self.head.group(), node);
                node.control().requests() > 0
            }
        };
        if asked { Step::Again } else { Step::Wait }
    }

    fn ended_with(
        &self,
        output: F::Output,
        dropped: Option<Box<dyn Any + Send>>,
    ) -> Outcome<C::Value> {
        let value = C::convert(output).map_err(|error| {
            let name = self.head.node().and_then(|node| node.name.clone());
            TaskError::failed(name, self.head.location(), error)
        });
        match dropped {
            None => value,
            // The first error is never masked by a later one.
            Some(payload) if value.is_err() => {
                report::unhandled(&self.panicked(payload));
                value
            }
            Some(payload) => Err(self.panicked(payload)),
        }
    }

    /// The future is gone. If it left something behind, the child ends when that has.
    fn end(&self, outcome: Outcome<C::Value>, cx: &mut Context<'_>) -> Poll<Outcome<C::Value>> {
        let Some(node) = self.head.node() else {
            return Poll::Ready(self.done(outcome));
        };
        let ended = Ended::of(outcome.as_ref().map(|_| ()), node.control());
        super::sync::lock(&node.inner).ended.get_or_insert(ended);
        node.set_host(cx.waker());
        if node.try_close() {
            return Poll::Ready(self.done(outcome));
        }
        // SAFETY: rule 1, and the future that was there has been dropped.
        unsafe { (*self.stage.get()).ended = ManuallyDrop::new(Box::new(outcome)) };
        Poll::Pending
    }

    fn take_ended(&self) -> Outcome<C::Value> {
        // SAFETY: rule 1; only called in ENDING with a stored result, and DONE follows at once.
        unsafe { *ManuallyDrop::take(&mut (*self.stage.get()).ended) }
    }

    /// Everything has ended: the group is told, and its unit is given back.
    fn done(&self, outcome: Outcome<C::Value>) -> Outcome<C::Value> {
        self.mark(DONE);
        let family = self.family();
        if let Err(error) = &outcome
            && !error.is_cancelled()
        {
            family.fail(&self.head.group_arc(), error.clone());
        }
        family.end(&self.head, self.is(STARTED));
        if let Some(node) = self.head.node() {
            // A node that a handle made at the last moment was never told.
            let ended = Ended::of(outcome.as_ref().map(|_| ()), node.control());
            super::sync::lock(&node.inner).ended.get_or_insert(ended);
            node.clear_host();
            if !node.try_close() {
                node.orphan(Some(self.head.group_arc()));
            }
            node.wake();
        }
        // SAFETY: rule 3.
        unsafe { Node::leave(self.head.group_ptr()) };
        outcome
    }
}

impl<F: Future, C: Convert<F::Output>> Future for Child<F, C> {
    type Output = Outcome<C::Value>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_ref().get_ref();
        if this.is(ENDING) {
            assert!(!this.is(DONE), "a child was polled after its end");
            let closed = this.head.node().is_none_or(|node| {
                node.set_host(cx.waker());
                node.try_close()
            });
            return if closed {
                Poll::Ready(this.done(this.take_ended()))
            } else {
                Poll::Pending
            };
        }
        loop {
            match this.step(cx) {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::Ended(outcome) => return this.end(outcome, cx),
            }
        }
    }
}

impl<F: Future, C: Convert<F::Output>> Drop for Child<F, C> {
    /// The runtime went away, or never took the task.
    fn drop(&mut self) {
        if self.is(DONE) {
            return;
        }
        let outcome = if self.is(ENDING) {
            self.take_ended()
        } else {
            self.cut(CancelReason::of(ReasonKind::Shutdown))
        };
        drop(self.done(outcome));
    }
}

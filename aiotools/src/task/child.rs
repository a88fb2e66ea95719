//! The future that each child's tokio task polls: the user's future, and around it what makes it a member of a group. What does not depend
//! on the type of the user's future is in `gate`.
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
    cell::UnsafeCell,
    future::Future,
    marker::{PhantomData, PhantomPinned},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    children::Head,
    current,
    error::BoxError,
    fault::Fault,
    gate::{DONE, ENDING, EXEMPT, Next, POLLED, Panic, STARTED},
    node::Node,
    output::Convert,
    report,
    sync::Arc,
};
use crate::cancel::{CancelReason, ReasonKind};

/// What a future has returned.
type Output<T> = Result<T, BoxError>;
/// How a child has ended.
type Outcome<T> = Result<T, Fault>;
/// What a poll of a future gave, and what it panicked with.
type Polled<T> = (Option<Output<T>>, Option<Panic>);

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

impl<F: Future, C: Convert<F::Output>> Child<F, C> {
    /// # Safety
    ///
    /// The caller has entered `group`, which has a family, for this child and got `seq` for it; the child gives that unit back.
    #[inline]
    pub(crate) unsafe fn new(
        group: &Arc<Node>,
        seq: u32,
        location: &'static Location<'static>,
        node: Option<Arc<Node>>,
        future: F,
    ) -> Self {
        Self {
            // SAFETY: passed on.
            head: unsafe { Head::new(group, seq, location, node) },
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
        self.head.mark(EXEMPT);
        self
    }

    /// Drops the user's future in place, with this child as the current node, so that what it leaves behind is counted here.
    fn drop_future(&self) -> Option<Panic> {
        self.head.mark(ENDING);
        // SAFETY: rules 1 and 2; ENDING says that the future is gone, so this happens once.
        let drop = || unsafe { ManuallyDrop::drop(&mut (*self.stage.get()).future) };
        self.within(|| catch_unwind(AssertUnwindSafe(drop))).err()
    }

    /// Calls with this child as the current one, and with what it has inherited.
    fn within<R>(&self, call: impl FnOnce() -> R) -> R {
        match self.head.node().and_then(|node| node.context.as_ref()) {
            None => current::enter_child(&self.head, call),
            Some(context) => context.enter(|| current::enter_child(&self.head, call)),
        }
    }

    /// One poll of the user's future; when it is ready, it is dropped too. What it panics with after its output is the panic of that drop.
    #[inline(always)]
    fn poll_future(&self, cx: &mut Context<'_>) -> Polled<C::Value> {
        // SAFETY: rules 1 and 2.
        let future = unsafe { Pin::new_unchecked(&mut *(*self.stage.get()).future) };
        let mut output = None;
        let poll = || {
            let Poll::Ready(value) = future.poll(cx) else {
                return;
            };
            // Runs code of the user: the conversion of an error.
            output = Some(C::convert(value));
            self.head.mark(ENDING);
            // SAFETY: rules 1 and 2; ENDING says that the future is gone, so this happens once.
            unsafe { ManuallyDrop::drop(&mut (*self.stage.get()).future) };
        };
        let panic = catch_unwind(AssertUnwindSafe(poll)).err();
        (output, panic)
    }

    fn outcome(&self, output: Output<C::Value>) -> Outcome<C::Value> {
        output.map_err(|error| self.head.failed(error))
    }

    /// The child is cancelled now: its future is dropped.
    fn cut(&self, fault: Fault) -> Outcome<C::Value> {
        match self.drop_future() {
            None => Err(fault),
            Some(panic) => Err(self.head.panicked(panic).into()),
        }
    }

    /// The future has panicked.
    fn burst(&self, panic: Panic) -> Outcome<C::Value> {
        if let Some(second) = self.drop_future() {
            report::unhandled(&self.head.panicked(second));
        }
        Err(self.head.panicked(panic).into())
    }

    /// The future had its output, and has panicked when it was dropped.
    fn burst_at_last(&self, output: Output<C::Value>, panic: Panic) -> Outcome<C::Value> {
        let value = self.outcome(output);
        let panicked = self.head.panicked(panic);
        if value.is_ok() {
            return Err(panicked.into());
        }
        // The first error is never masked by a later one.
        report::unhandled(&panicked);
        value
    }

    /// The future is gone. If it left something behind, the child ends when that has.
    fn end(&self, outcome: Outcome<C::Value>, cx: &mut Context<'_>) -> Poll<Outcome<C::Value>> {
        let told = matches!(outcome, Err(Fault::Error(_)));
        if !told && self.head.may_go() {
            // SAFETY: rule 3; what is DONE comes here no more.
            unsafe { self.head.go() };
            Poll::Ready(outcome)
        } else if self.head.try_end(outcome.as_ref().map(drop), cx) {
            self.done(outcome)
        } else {
            self.keep(outcome)
        }
    }

    fn done(&self, outcome: Outcome<C::Value>) -> Poll<Outcome<C::Value>> {
        // SAFETY: rule 3; what is DONE comes here no more.
        unsafe { self.head.done(outcome.as_ref().map(drop)) };
        Poll::Ready(outcome)
    }

    fn keep(&self, outcome: Outcome<C::Value>) -> Poll<Outcome<C::Value>> {
        // SAFETY: rule 1, and the future that was there has been dropped.
        unsafe { (*self.stage.get()).ended = ManuallyDrop::new(Box::new(outcome)) };
        Poll::Pending
    }

    fn take_kept(&self) -> Outcome<C::Value> {
        // SAFETY: rule 1; only called in ENDING with a stored result, and DONE follows at once.
        unsafe { *ManuallyDrop::take(&mut (*self.stage.get()).ended) }
    }

    fn poll_ending(&self, cx: &mut Context<'_>) -> Poll<Outcome<C::Value>> {
        assert!(!self.head.is(DONE), "a child was polled after its end");
        let closed = self.head.node().is_none_or(|node| {
            node.set_host(cx.waker());
            node.try_close()
        });
        if closed {
            self.done(self.take_kept())
        } else {
            Poll::Pending
        }
    }
}

impl<F: Future, C: Convert<F::Output>> Child<F, C> {
    /// A poll that looks at everything.
    #[inline(never)]
    fn poll_with_care(&self, cx: &mut Context<'_>) -> Poll<Outcome<C::Value>> {
        if self.head.is(ENDING) {
            return self.poll_ending(cx);
        }
        loop {
            match self.head.before_poll(cx) {
                Next::Poll => {}
                Next::Again => continue,
                Next::Wait => return Poll::Pending,
                Next::Cut(fault) => return self.end(self.cut(fault), cx),
            }
            let polled = self.within(|| self.poll_future(cx));
            if let Some(result) = self.follow(polled, cx) {
                return result;
            }
        }
    }

    /// What follows from a poll. None if something has happened meanwhile, and the child has to look again.
    fn follow(
        &self,
        polled: Polled<C::Value>,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Outcome<C::Value>>> {
        let outcome = match polled {
            (Some(output), None) => self.outcome(output),
            (Some(output), Some(panic)) => self.burst_at_last(output, panic),
            (None, Some(panic)) => self.burst(panic),
            (None, None) => match self.head.after_poll(cx.waker()) {
                Next::Wait => return Some(Poll::Pending),
                Next::Cut(fault) => self.cut(fault),
                Next::Again | Next::Poll => return None,
            },
        };
        Some(self.end(outcome, cx))
    }

    /// What follows from the poll of a plain child that is no longer plain.
    #[inline(never)]
    fn follow_with_care(
        &self,
        polled: Polled<C::Value>,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome<C::Value>> {
        self.follow(polled, cx)
            .unwrap_or_else(|| self.poll_with_care(cx))
    }
}

impl<F: Future, C: Convert<F::Output>> Future for Child<F, C> {
    type Output = Outcome<C::Value>;

    /// The way that most children go all their life: `poll_with_care` without what a plain child need not look at.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_ref().get_ref();
        let head = &this.head;
        if head.is(ENDING) || !head.is_plain() {
            return this.poll_with_care(cx);
        }
        head.mark(POLLED | STARTED);
        match current::enter_child(head, || this.poll_future(cx)) {
            (None, None) if head.stays_parked(cx.waker()) => Poll::Pending,
            (Some(Ok(value)), None) if head.may_go() => {
                // SAFETY: rule 3; what is DONE comes here no more.
                unsafe { head.go() };
                Poll::Ready(Ok(value))
            }
            polled => this.follow_with_care(polled, cx),
        }
    }
}

impl<F: Future, C: Convert<F::Output>> Drop for Child<F, C> {
    #[inline]
    fn drop(&mut self) {
        if !self.head.is(DONE) {
            self.shut_down();
        }
    }
}

impl<F: Future, C: Convert<F::Output>> Child<F, C> {
    /// The runtime went away, or never took the task. Never inlined: what tokio does with a future that has ended stays short.
    #[cold]
    #[inline(never)]
    fn shut_down(&self) {
        let outcome = if self.head.is(ENDING) {
            self.take_kept()
        } else {
            self.cut(match self.head.node() {
                // Nobody sees this one.
                None => Fault::Cancelled,
                Some(_) => self.head.cancelled(CancelReason::of(ReasonKind::Shutdown)),
            })
        };
        let _ = self.done(outcome);
    }
}

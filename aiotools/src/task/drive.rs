//! The future behind every group and scope: it polls the body, waits for the children, and carries cancellation in and out.
//!
//! # What happens in a poll, in this order
//!
//! 1. The body is polled. Whatever is open inside it (regions, groups, shields) has the first word about a request.
//! 2. The clock: the deadline requests, the end of the grace makes a request deliverable.
//! 3. A request on this group itself is delivered: the body is dropped. The children have been told already.
//! 4. A request on something around this group, the task say, passes through here on its way out: the body is dropped, the children
//!    are cancelled, and delivery further out is *held* until they have ended. Later requests are counted and change nothing (M4).
//! 5. With the body gone and nothing alive, the group closes. If a request is passing through, the hold is released and the future stays
//!    pending: it is the region around it, or the task, that is cut, not the code after the group. But if there are failures to
//!    tell, they are returned first, and the request waits for the next suspension point.
//!
//! When the future is dropped, the body goes first, then the children are cancelled at once, and the node is handed to whoever is
//! around it (G2).

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::{family::Family, node::Node, seat::Seat, sync::Arc};
use crate::cancel::{CancelReason, ReasonKind};

/// How a body ended.
pub(crate) enum Ending<R> {
    Value(R),
    /// It was cut before it had a value.
    Cut,
    Panicked(Box<dyn Any + Send>),
}

/// What a driven group ended with.
pub(crate) struct Ended<R> {
    pub(crate) body: Ending<R>,
    pub(crate) timed_out: bool,
    /// Why it was cancelled, for who wants to know.
    pub(crate) reason: Option<CancelReason>,
}

pin_project! {
    /// Drives one group or scope.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Drive<B: Future, R> {
        #[pin]
        body: Option<B>,
        // What is made of the value of the body, as soon as there is one.
        judge: fn(&Arc<Node>, B::Output) -> R,
        ended: Option<Ending<R>>,
        state: State,
    }

    impl<B: Future, R> PinnedDrop for Drive<B, R> {
        fn drop(this: Pin<&mut Self>) {
            this.abandon();
        }
    }
}

struct State {
    seat: Seat,
    shield: bool,
    // A body that is cut by the group's own request has nothing to give; without this it runs on to its end.
    cuts_body: bool,
    deadline: Option<Instant>,
    timed_out: bool,
    clock: Option<Pin<Box<Sleep>>>,
    grace_ends: Option<Instant>,
    graces: Vec<(Instant, Arc<Node>)>,
    shielding: bool,
    passing: bool,
    finished: bool,
    cut_reason: Option<CancelReason>,
}

/// What a group or scope is started with, besides its node.
pub(crate) struct Options {
    pub(crate) shield: bool,
    pub(crate) cuts_body: bool,
    pub(crate) timeout: Option<Duration>,
}

impl<B: Future, R> Drive<B, R> {
    pub(crate) fn new(
        seat: Seat,
        body: B,
        judge: fn(&Arc<Node>, B::Output) -> R,
        options: &Options,
    ) -> Self {
        // A deadline too far to be told is none.
        let deadline = options
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        Self {
            body: Some(body),
            judge,
            ended: None,
            state: State {
                seat,
                shield: options.shield,
                cuts_body: options.cuts_body,
                deadline,
                timed_out: false,
                clock: None,
                grace_ends: None,
                graces: Vec::new(),
                shielding: false,
                passing: false,
                finished: false,
                cut_reason: None,
            },
        }
    }

    /// Drops the body, with its group as the current node, so that what it leaves behind is counted there.
    fn drop_body(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.body.is_none() {
            return;
        }
        let node = &this.state.seat.node;
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            super::current::enter(node, || this.body.set(None))
        }));
        if let Err(payload) = dropped
            && !matches!(this.ended, Some(Ending::Panicked(_)))
        {
            *this.ended = Some(Ending::Panicked(payload));
        }
    }

    fn poll_body(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.as_mut().project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return;
        };
        let node = &this.state.seat.node;
        let judge = *this.judge;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            super::current::enter(node, || body.poll(cx).map(|value| judge(node, value)))
        }));
        let ended = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(value)) => Ending::Value(value),
            Err(payload) => {
                node.cancel(&CancelReason::of(ReasonKind::Failure));
                Ending::Panicked(payload)
            }
        };
        *this.ended = Some(ended);
        self.drop_body();
    }

    fn cut_body(mut self: Pin<&mut Self>) {
        self.as_mut().drop_body();
        self.project().ended.get_or_insert(Ending::Cut);
    }

    /// Everything has ended.
    fn finish(self: Pin<&mut Self>) -> Poll<Ended<R>> {
        let this = self.project();
        let passing = this.state.passing;
        let node = Arc::clone(&this.state.seat.node);
        let failed = node.family.as_ref().is_some_and(Family::has_failed);
        let panicked = matches!(this.ended, Some(Ending::Panicked(_)));
        this.state.finished = true;
        this.state.release();
        this.state.seat.leave();
        if passing && !failed && !panicked {
            // It is the one around us that is cut. What was kept for the body is told to somebody else.
            if let Some(family) = &node.family {
                family.report_errors();
            }
            return Poll::Pending;
        }
        let body = this.ended.take().expect("the body has ended");
        Poll::Ready(Ended {
            body,
            timed_out: this.state.timed_out,
            reason: None,
        })
    }

    fn abandon(mut self: Pin<&mut Self>) {
        if self.as_mut().project().state.finished {
            return;
        }
        self.as_mut().drop_body();
        let this = self.project();
        let node = Arc::clone(&this.state.seat.node);
        let reason = match node.any_request() {
            Some(asked) => asked.reason(),
            None => CancelReason::of(ReasonKind::Dropped),
        };
        if let Some(family) = &node.family {
            family.cancel(&reason, true);
        }
        this.state.release();
        this.state.seat.leave();
        if node.is_closed()
            && let Some(family) = &node.family
        {
            // Nothing was alive any more, but nobody has been told what went wrong before.
            family.report_errors();
        }
        if let Some(Ending::Panicked(payload)) = this.ended.take() {
            let error = super::TaskError::panicked(node.name.clone(), node.location, payload);
            super::report::unhandled(&error);
        }
    }
}

impl State {
    fn hold(&mut self) {
        if let Some(outer) = self.outer() {
            outer.hold();
        }
    }

    fn outer(&self) -> Option<Arc<Node>> {
        self.seat.node.outward().next().cloned()
    }

    fn release(&mut self) {
        for held in [&mut self.shielding, &mut self.passing] {
            if std::mem::replace(held, false)
                && let Some(outer) = self.seat.node.outward().next()
            {
                outer.release();
            }
        }
    }

    /// What time it is: for the deadline, and for every grace that runs.
    fn check_clock(&mut self, cx: &mut Context<'_>) {
        let Some(family) = &self.seat.node.family else {
            return;
        };
        if !family.grace.is_zero() {
            let orders = family.orders();
            if orders.soft() && !orders.hard() && self.grace_ends.is_none() {
                self.grace_ends = Some(Instant::now() + family.grace);
            }
            let new = family.take_graces();
            self.graces.extend(
                new.into_iter()
                    .map(|child| (Instant::now() + family.grace, child)),
            );
        }
        loop {
            let graces = self.graces.iter().map(|(at, _)| *at);
            let Some(next) = self
                .deadline
                .into_iter()
                .chain(self.grace_ends)
                .chain(graces)
                .min()
            else {
                self.clock = None;
                return;
            };
            let clock = match &mut self.clock {
                Some(clock) => {
                    if clock.deadline() != next {
                        clock.as_mut().reset(next);
                    }
                    clock
                }
                none => none.insert(Box::pin(tokio::time::sleep_until(next))),
            };
            if clock.as_mut().poll(cx).is_pending() {
                return;
            }
            self.due(next);
        }
    }

    fn due(&mut self, now: Instant) {
        let node = &self.seat.node;
        let Some(family) = &node.family else { return };
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.timed_out = true;
            let reason = CancelReason::of(ReasonKind::Timeout);
            self.cut_reason.get_or_insert(reason.clone());
            self.cuts_body = true;
            node.cancel(&reason);
            if !family.grace.is_zero() && self.grace_ends.is_none() {
                self.grace_ends = Some(now + family.grace);
            }
        }
        if self.grace_ends.is_some_and(|at| at <= now) {
            self.grace_ends = None;
            node.harden();
            family.cancel(&family.kids_reason(), true);
        }
        self.graces.retain(|(at, child)| {
            if *at <= now {
                child.harden();
            }
            *at > now
        });
    }

    /// Lets a request on something around this group through.
    fn pass_outward(&mut self) -> bool {
        let node = &self.seat.node;
        let Some(family) = &node.family else {
            return false;
        };
        if self.passing {
            return true;
        }
        if let Some(reason) = node.outward_request().map(|outer| outer.reason()) {
            family.cancel(&reason, family.grace.is_zero());
            self.passing = true;
            self.hold();
            return true;
        }
        // Not yet deliverable, or held: the children may at least begin to wind down, if nothing shields them.
        if let Some(outer) = node
            .outward()
            .find(|outer| outer.control().undelivered() && !outer.control().hard())
        {
            let reason = outer.reason();
            family.cancel(&reason, false);
        }
        false
    }
}

impl<B: Future, R> Future for Drive<B, R> {
    type Output = Ended<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        {
            let state = self.as_mut().project().state;
            if state.finished {
                return Poll::Pending;
            }
            if state.shield && !state.shielding {
                state.shielding = true;
                state.hold();
            }
            // Before anything is looked at, so that no change is missed.
            state.seat.watch(cx.waker());
        }
        self.as_mut().poll_body(cx);
        // Who has ended in time has, even if the time is up now.
        let this = self.as_mut().project();
        if this.ended.is_some() && this.state.seat.node.try_close() {
            return self.finish();
        }
        this.state.check_clock(cx);
        let state = self.as_mut().project().state;
        let control = state.seat.node.control();
        if state.cuts_body && control.deliverable() {
            state.seat.node.mark_delivered();
            if self.as_ref().project_ref().body.is_some() {
                self.as_ref().project_ref().state.seat.cut();
            }
            self.as_mut().cut_body();
        }
        let state = self.as_mut().project().state;
        if !state.shielding && state.pass_outward() {
            // The grace of the children, if there is one, starts now.
            state.check_clock(cx);
            if state.seat.node.orders().hard() {
                self.as_mut().cut_body();
            }
        }
        let this = self.as_mut().project();
        if this.ended.is_none() || !this.state.seat.node.try_close() {
            return Poll::Pending;
        }
        self.finish()
    }
}

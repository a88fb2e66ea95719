//! What a child and its group have to say to each other before and after each poll of the child's future. Not generic, so that it
//! exists once, and not for each type of future.

#![expect(
    unsafe_code,
    reason = "the unit of a group is given back by a pointer, a node is taken out of a head"
)]

use std::{
    any::Any,
    task::{Context, Waker},
};

use super::{
    children::Head,
    error::{BoxError, Full, TaskError},
    fault::Fault,
    handle::Ended,
    node::Node,
    sync::{Arc, lock},
};
use crate::cancel::CancelReason;

pub(super) const POLLED: u8 = 1;
pub(super) const STARTED: u8 = 2;
pub(super) const ENDING: u8 = 4;
pub(super) const DONE: u8 = 8;
/// It does not count for `max_concurrency`.
pub(super) const EXEMPT: u8 = 16;

/// The payload of a panic.
pub(super) type Panic = Box<dyn Any + Send>;

/// What a child is to do.
pub(super) enum Next {
    /// Its future is polled.
    Poll,
    /// Something has happened meanwhile: from the start.
    Again,
    Wait,
    Cut(Fault),
}

impl Head {
    #[inline]
    pub(super) fn is(&self, flag: u8) -> bool {
        self.own.get() & flag != 0
    }

    #[inline]
    pub(super) fn mark(&self, flag: u8) {
        self.own.set(self.own.get() | flag);
    }

    /// Whether there is nothing to look at: nobody has asked for this child or for all of them, and no books are kept.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.node().is_none() && self.family().orders().none()
    }

    /// Whether a child whose future is pending is parked, and has nothing to look at.
    #[inline]
    pub(super) fn stays_parked(&self, waker: &Waker) -> bool {
        self.node().is_none() && (self.is_linked() || self.family().park(self, waker))
    }

    /// Whether a child whose future is gone can go without a look at anything; it is taken out of the list.
    #[inline]
    pub(super) fn may_go(&self) -> bool {
        if self.node().is_some() || self.family().orders().noted() {
            return false;
        }
        if self.is_linked() {
            self.family().unpark(self);
            // A handle that found it parked since the first look has noted its node, which nobody else takes out.
            return self.node().is_none();
        }
        true
    }

    /// Gives back the unit of a child that has ended, with nothing to tell.
    ///
    /// # Safety
    ///
    /// The child holds its unit, [`may_go`](Self::may_go), and this is called once.
    #[inline]
    pub(super) unsafe fn go(&self) {
        self.mark(DONE);
        // SAFETY: passed on.
        unsafe { Node::leave(self.group_ptr()) };
    }

    /// What to do first when the child is polled.
    pub(super) fn before_poll(&self, cx: &mut Context<'_>) -> Next {
        if !self.is(POLLED) {
            self.mark(POLLED);
            self.family().claim(self);
        }
        match self.node() {
            // A request that comes before the body has begun means that it never does. One that was begun
            // elsewhere goes on.
            Some(node) if !self.is(STARTED | EXEMPT) => {
                self.family().pass_on(node);
                if node.control().requests() > 0 {
                    return Next::Cut(self.cancelled(node.reason()));
                }
            }
            // A child with a node may have regions and shields open; they are asked first, by polling it.
            Some(_) => {}
            None => {
                let orders = self.family().orders();
                if orders.hard() || orders.soft() && !self.is(STARTED) {
                    return Next::Cut(Fault::Cancelled);
                }
            }
        }
        if !self.is(STARTED | EXEMPT) {
            if !self.family().may_start(self.seq, cx.waker()) {
                return self.wait_for_start(cx.waker());
            }
            self.mark(STARTED);
        }
        Next::Poll
    }

    #[cold]
    fn wait_for_start(&self, waker: &Waker) -> Next {
        self.own.set(self.own.get() & !POLLED);
        self.family().claim(self);
        // What was asked before the waker was stored woke nobody.
        let asked = match self.node() {
            None => self.family().orders().soft(),
            Some(node) => {
                node.set_host(waker);
                self.family().pass_on(node);
                node.control().requests() > 0
            }
        };
        if asked { Next::Again } else { Next::Wait }
    }

    /// What to do when the child's future was polled and is pending.
    pub(super) fn after_poll(&self, waker: &Waker) -> Next {
        if let Some(node) = self.node()
            && node.control().deliverable()
        {
            let reason = node.reason();
            node.mark_delivered();
            return Next::Cut(self.cancelled(reason));
        }
        if !self.family().park_with_node(self, waker) {
            return Next::Again;
        }
        // A request that came in just before the waker was stored woke nobody.
        match self.node() {
            Some(node) if node.control().deliverable() => Next::Again,
            _ => Next::Wait,
        }
    }

    /// The name that the child was given.
    pub(super) fn name(&self) -> Option<std::sync::Arc<str>> {
        self.node().and_then(|node| node.name.clone())
    }

    #[cold]
    pub(super) fn cancelled(&self, reason: CancelReason) -> Fault {
        TaskError::cancelled(self.name(), self.location(), reason).into()
    }

    #[cold]
    pub(super) fn failed(&self, error: BoxError) -> Fault {
        TaskError::failed(self.name(), self.location(), error).into()
    }

    #[cold]
    pub(super) fn panicked(&self, panic: Panic) -> TaskError {
        TaskError::panicked(self.name(), self.location(), panic)
    }

    fn error(&self, fault: &Fault) -> TaskError {
        match fault {
            Fault::Error(full) => std::sync::Arc::clone(full).into(),
            Fault::Cancelled => {
                let reason = self.family().kids_reason();
                TaskError::cancelled(None, self.location(), reason)
            }
        }
    }

    /// The future is gone. Whether the child has ended, or else ends when that has which it left behind.
    pub(super) fn try_end(&self, outcome: Result<(), &Fault>, cx: &mut Context<'_>) -> bool {
        let Some(node) = self.node() else {
            return true;
        };
        self.tell(node, outcome);
        node.set_host(cx.waker());
        node.try_close()
    }

    /// How it ended is kept for those who wait for the node.
    fn tell(&self, node: &Arc<Node>, outcome: Result<(), &Fault>) {
        let error = outcome.err().map(|fault| self.error(fault));
        let ended = Ended::of(error.as_ref().map_or(Ok(()), Err), node.control());
        lock(&node.inner)
            .ended
            .get_or_insert_with(|| Box::new(ended));
    }

    /// Everything has ended: the group is told, and its unit is given back.
    ///
    /// # Safety
    ///
    /// The child holds its unit, and this is called once.
    pub(super) unsafe fn done(&self, outcome: Result<(), &Fault>) {
        self.mark(DONE);
        if let Err(Fault::Error(full)) = outcome {
            self.fail(full);
        }
        self.family().end(self, self.is(STARTED));
        if self.node().is_some() {
            self.end_node(outcome);
        }
        // SAFETY: passed on.
        unsafe { Node::leave(self.group_ptr()) };
    }

    #[cold]
    fn fail(&self, full: &std::sync::Arc<Full>) {
        let error = TaskError::from(std::sync::Arc::clone(full));
        if !error.is_cancelled() {
            self.family().fail(&self.group_arc(), error);
        }
    }

    fn end_node(&self, outcome: Result<(), &Fault>) {
        // SAFETY: the child is out of all lists and books, so this is the only reference to its head.
        let Some(node) = (unsafe { self.take_node() }) else {
            return;
        };
        // A node that a handle made at the last moment was never told.
        self.tell(&node, outcome);
        node.clear_host();
        if !node.try_close() {
            node.orphan(Some(self.group_arc()));
        }
        node.wake();
    }
}

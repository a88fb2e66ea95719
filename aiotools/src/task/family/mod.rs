//! What a node has that may have children: the children that are parked, what failed, and what to do about it.

mod kids;
mod orders;

use std::{sync::OnceLock, task::Waker, time::Duration};

use kids::Kids;
use orders::Board;
pub(crate) use orders::Orders;

use super::{
    children::Head,
    error::TaskError,
    node::{Kind, Node},
    queue::Queue,
    report,
    sync::{Arc, Mutex, lock},
};
use crate::cancel::{CancelReason, ReasonKind};

/// What is done about a child that failed.
pub(crate) enum Policy {
    /// It is kept, and the others are cancelled.
    FailFast,
    /// It goes to a handler, and the others go on.
    Handle(report::Handler),
    /// It is for the one who holds its handle, and is reported if nobody takes it from there.
    Collect {
        /// Whether somebody wants to know in which order they end.
        in_order: bool,
    },
}

/// The part of a group's node that deals with its children.
pub(crate) struct Family {
    pub(crate) policy: Policy,
    pub(crate) grace: Duration,
    pub(crate) inherit_span: bool,
    limited: bool,
    board: Board,
    /// Why the children are cancelled; set before the order that says that they are.
    kids_reason: OnceLock<CancelReason>,
    kids: Mutex<Kids>,
}

impl Family {
    #[inline]
    pub(crate) fn new(
        policy: Policy,
        grace: Duration,
        limit: Option<usize>,
        inherit_span: bool,
    ) -> Self {
        let books = limit.is_some() || matches!(policy, Policy::Collect { in_order: true });
        Self {
            policy,
            grace,
            inherit_span,
            limited: limit.is_some(),
            board: Board::new(books),
            kids_reason: OnceLock::new(),
            kids: Mutex::new(Kids::new(limit.map(Queue::new))),
        }
    }

    /// What the children are to do.
    #[inline]
    pub(crate) fn orders(&self) -> Orders {
        self.board.read()
    }

    pub(crate) fn kids_reason(&self) -> CancelReason {
        self.kids_reason.get().cloned().unwrap_or_default()
    }

    // ---- cancelling ----------------------------------------------------------------------------------------------

    /// Asks all children to end: softly first, if there is a grace, or at their next suspension point.
    pub(crate) fn cancel(&self, reason: &CancelReason, hard: bool) {
        let _ = self.kids_reason.set(reason.clone());
        if !self.board.order(hard) {
            return;
        }
        let (nodes, waiting) = {
            let mut kids = lock(&self.kids);
            // Whoever waits for its start never gets it.
            let waiting = kids.queue.as_mut().map(|queue| queue.give_up());
            if hard {
                kids.drain();
            }
            (kids.nodes(), waiting)
        };
        if let Some(waiting) = waiting {
            waiting.into_values().for_each(Waker::wake);
        }
        for (_, child) in nodes {
            child.pass(self.kids_reason.get().unwrap_or(reason), hard);
        }
        if hard {
            self.wake_drained();
        }
    }

    /// Wakes the drained children, a few at a time, so that those that end meanwhile do not wait for the lock.
    fn wake_drained(&self) {
        const AT_ONCE: usize = 64;
        let mut wakers = Vec::with_capacity(AT_ONCE);
        loop {
            {
                let mut kids = lock(&self.kids);
                while wakers.len() < AT_ONCE {
                    match kids.parked.pop() {
                        Some(waker) => wakers.push(waker),
                        None => break,
                    }
                }
            }
            if wakers.is_empty() {
                return;
            }
            wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// The node of one child, made now if it has none, for somebody who holds its handle.
    #[expect(unsafe_code, reason = "finds a parked child by its number")]
    pub(crate) fn node_for_handle(
        &self,
        seq: u32,
        make: impl FnOnce() -> Node,
    ) -> (Arc<Node>, Option<Waker>) {
        let mut kids = lock(&self.kids);
        if let Some(node) = kids.node(seq) {
            return (Arc::clone(node), None);
        }
        let node = Arc::new(make());
        kids.set_node(seq, &node);
        let orders = self.orders();
        if orders.soft() {
            node.pass(&self.kids_reason(), orders.hard());
        }
        let waker = match kids.parked(seq) {
            Some(head) => {
                // SAFETY: what is in the index is linked, and so alive as long as the lock is held.
                let head = unsafe { head.as_ref() };
                head.set_node(Arc::clone(&node));
                // SAFETY: it belongs to this group, whose lock is held.
                unsafe { kids.parked.waker(head) }
            }
            None => {
                self.board.offer();
                kids.queue.as_ref().and_then(|queue| queue.waker(seq))
            }
        };
        (node, waker)
    }

    /// Whoever asked for this node no longer needs it, and the task has ended without having seen it.
    pub(crate) fn forget(&self, seq: u32, node: &Arc<Node>) {
        if node.is_claimed() {
            return;
        }
        let removed = {
            let mut kids = lock(&self.kids);
            match kids.node(seq) {
                Some(known) if Arc::ptr_eq(known, node) => {
                    self.board.settle();
                    kids.remove_node(seq)
                }
                _ => None,
            }
        };
        drop(removed);
    }

    /// Notes that the grace of a single child has to be timed.
    pub(crate) fn time_grace(&self, child: Arc<Node>) {
        lock(&self.kids).graces.push(child);
    }

    pub(crate) fn take_graces(&self) -> Vec<Arc<Node>> {
        std::mem::take(&mut lock(&self.kids).graces)
    }

    // ---- for a child ---------------------------------------------------------------------------------------------

    /// Gives a child the node that somebody made for it, if so.
    pub(crate) fn claim(&self, head: &Head) {
        if self.orders().unclaimed() && head.node().is_none() {
            self.claim_locked(&lock(&self.kids), head);
        }
    }

    fn claim_locked(&self, kids: &Kids, head: &Head) {
        if head.node().is_none()
            && let Some(node) = kids.node(head.seq)
        {
            head.set_node(Arc::clone(node));
            self.board.settle();
        }
    }

    /// The child's own node, made now if it has none.
    pub(crate) fn node_of(&self, head: &Head) -> Arc<Node> {
        if let Some(node) = head.node() {
            return Arc::clone(node);
        }
        let mut kids = lock(&self.kids);
        self.claim_locked(&kids, head);
        if let Some(node) = head.node() {
            return Arc::clone(node);
        }
        let group = head.group_arc();
        let node = Arc::new(Node::new(
            Kind::Task,
            Some(Arc::clone(&group)),
            head.location(),
        ));
        kids.set_node(head.seq, &node);
        head.set_node(Arc::clone(&node));
        drop(kids);
        self.pass_on(&node);
        node
    }

    /// Registers a node that was made together with its child.
    pub(crate) fn adopt_node(&self, seq: u32, node: &Arc<Node>) {
        lock(&self.kids).set_node(seq, node);
    }

    /// Brings what was asked of all children to one that may have missed it.
    pub(crate) fn pass_on(&self, child: &Arc<Node>) {
        let orders = self.orders();
        if orders.soft() && !child.passed(orders.hard()) {
            child.pass(&self.kids_reason(), orders.hard());
        }
    }

    /// Parks a child that is pending, not linked, and has no node. False if there is something to look at first.
    pub(crate) fn park(&self, head: &Head, waker: &Waker) -> bool {
        // Made before the lock is taken, which others wait for.
        let own = waker.clone();
        let mut kids = lock(&self.kids);
        // Under the lock: either this sees the order, or whoever gave it finds the child in the list.
        let orders = self.orders();
        if orders.unclaimed() || orders.hard() || head.node().is_some() {
            return false;
        }
        kids.link(head, own);
        true
    }

    /// Parks a child that is pending. False if something happened meanwhile: look again.
    pub(crate) fn park_with_node(&self, head: &Head, waker: &Waker) -> bool {
        let mut kids = lock(&self.kids);
        let had_node = head.node().is_some();
        self.claim_locked(&kids, head);
        let orders = self.orders();
        match head.node() {
            Some(_) if !had_node => return false,
            Some(node) if orders.soft() && !node.passed(orders.hard()) => {
                let node = Arc::clone(node);
                drop(kids);
                self.pass_on(&node);
                return false;
            }
            Some(node) => node.set_host(waker),
            None if orders.hard() => return false,
            None => {}
        }
        if !head.is_linked() {
            kids.link(head, waker.clone());
        }
        true
    }

    /// Takes a child out of the list.
    pub(crate) fn unpark(&self, head: &Head) {
        let own = lock(&self.kids).unlink(head);
        drop(own);
    }

    /// Whether a child may run its first poll now; if not, it is woken when it may.
    pub(crate) fn may_start(&self, seq: u32, waker: &Waker) -> bool {
        !self.limited
            || match &mut lock(&self.kids).queue {
                None => true,
                Some(queue) => queue.may_start(seq, waker),
            }
    }

    /// A child has ended: takes it out of all books. What it ended with is dealt with before this.
    pub(crate) fn end(&self, head: &Head, started: bool) {
        if head.node().is_some() || self.orders().noted() {
            self.end_locked(head, started);
        } else if head.is_linked() {
            self.unpark(head);
            // A handle that found it parked since the first look has noted its node, which nobody else takes out.
            if head.node().is_some() {
                self.end_locked(head, started);
            }
        }
    }

    #[inline(never)]
    fn end_locked(&self, head: &Head, started: bool) {
        let mut kids = lock(&self.kids);
        let nodeless = head.node().is_none() && !self.orders().unclaimed();
        let own = kids.unlink(head);
        let node = if nodeless {
            None
        } else {
            kids.remove_node(head.seq)
        };
        if node.is_some() && head.node().is_none() {
            self.board.settle();
            if let Some(node) = &node {
                head.set_node(Arc::clone(node));
            }
        }
        if matches!(self.policy, Policy::Collect { in_order: true }) {
            kids.finished.push_back(head.seq);
        }
        let queue = kids.queue.as_mut();
        let next = queue.and_then(|queue| queue.release(head.seq, started));
        drop(kids);
        drop((own, node));
        if let Some(next) = next {
            next.wake();
        }
        if matches!(self.policy, Policy::Collect { in_order: true }) {
            head.group().wake();
        }
    }

    // ---- failures ------------------------------------------------------------------------------------------------

    /// A child (or the body) failed.
    pub(crate) fn fail(&self, group: &Arc<Node>, error: TaskError) {
        match &self.policy {
            Policy::Collect { .. } => {
                self.keep(error);
            }
            Policy::Handle(handler) => handler.call(&error),
            Policy::FailFast => {
                let first = self.keep(error);
                if first && !group.is_orphaned() {
                    group.cancel(&CancelReason::of(ReasonKind::Failure));
                }
            }
        }
    }

    fn keep(&self, error: TaskError) -> bool {
        let mut kids = lock(&self.kids);
        self.board.note_failure();
        kids.failures.get_or_insert_default().push(error)
    }

    /// Whether the group has failed, and has that to tell.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.policy, Policy::FailFast)
            && self.orders().failed()
            && lock(&self.kids)
                .failures
                .as_ref()
                .is_some_and(|failures| !failures.is_empty())
    }

    pub(crate) fn take_errors(&self) -> Vec<TaskError> {
        if !self.orders().failed() {
            return Vec::new();
        }
        let failures = lock(&self.kids).failures.take();
        failures.map_or_else(Vec::new, |failures| failures.into_vec())
    }

    pub(crate) fn take_finished(&self) -> Option<u32> {
        lock(&self.kids).finished.pop_front()
    }

    /// Somebody has this error from the handle.
    pub(crate) fn taken(&self, error: &TaskError) {
        if let Some(failures) = &mut lock(&self.kids).failures {
            failures.remove(error);
        }
    }

    /// What nobody will ask for any more is reported, so as not to be lost.
    pub(crate) fn report_errors(&self) {
        for error in self.take_errors() {
            report::unhandled(&error);
        }
    }

    // ---- looking -------------------------------------------------------------------------------------------------

    /// The children that can be seen: parked ones (number, place, node), and others that have a node.
    pub(crate) fn survey(
        &self,
    ) -> Vec<(
        u32,
        &'static std::panic::Location<'static>,
        Option<Arc<Node>>,
    )> {
        let kids = lock(&self.kids);
        let mut seen = Vec::new();
        kids.parked.for_each(|head| {
            if head.node().is_none() {
                seen.push((head.seq, head.location(), None));
            }
        });
        let nodes = kids.nodes().into_iter();
        seen.extend(nodes.map(|(seq, node)| (seq, node.location, Some(node))));
        seen.sort_unstable_by_key(|(seq, ..)| *seq);
        seen
    }
}

impl Node {
    /// What its children are to do.
    #[inline]
    pub(crate) fn orders(&self) -> Orders {
        self.family.as_ref().map_or(Orders::NONE, Family::orders)
    }

    /// Asks this group or scope to end: its children, and its body. With a grace, the one who drives it ends that.
    pub(crate) fn cancel(self: &Arc<Self>, reason: &CancelReason) {
        let Some(family) = &self.family else { return };
        let hard = family.grace.is_zero();
        self.request(reason, hard);
        family.cancel(reason, hard);
    }

    /// Asks the children of this node to end, and not its body.
    pub(crate) fn cancel_children(self: &Arc<Self>, reason: &CancelReason) {
        let Some(family) = &self.family else { return };
        family.cancel(reason, family.grace.is_zero());
        self.wake_task();
    }
}

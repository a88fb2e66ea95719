//! The word `control` of a node: what is asked of it. The states and invariants are in [`super`].

use super::{Arc, Node, Ordering, lock};
use crate::cancel::CancelReason;

// Requests, delivered and holds with 16 bits each, then flags.
const REQUEST: u64 = 1;
const DELIVERED_SHIFT: u32 = 16;
const HOLD_SHIFT: u32 = 32;
const HOLD: u64 = 1 << HOLD_SHIFT;
const FIELD: u64 = 0xffff;
/// Requests on this node may be delivered.
const HARD: u64 = 1 << 48;
/// The request of the group has reached this task.
const PASSED_SOFT: u64 = 1 << 49;
const PASSED_HARD: u64 = 1 << 50;
/// A request was delivered to somebody inside at least once.
const DELIVERED_ONCE: u64 = 1 << 51;
/// The task knows that it has this node.
const CLAIMED: u64 = 1 << 52;

/// A snapshot of `control`.
#[derive(Clone, Copy)]
pub(crate) struct Control(u64);

impl Control {
    pub(crate) fn requests(self) -> usize {
        (self.0 & FIELD) as usize
    }
    fn delivered(self) -> u64 {
        (self.0 >> DELIVERED_SHIFT) & FIELD
    }
    fn held(self) -> bool {
        (self.0 >> HOLD_SHIFT) & FIELD != 0
    }
    #[inline]
    pub(crate) fn deliverable(self) -> bool {
        self.0 & HARD != 0 && self.0 & FIELD > self.delivered() && !self.held()
    }
    pub(crate) fn undelivered(self) -> bool {
        self.0 & FIELD > self.delivered()
    }
    pub(crate) fn delivered_once(self) -> bool {
        self.0 & DELIVERED_ONCE != 0
    }
    pub(crate) fn hard(self) -> bool {
        self.0 & HARD != 0
    }
}

impl Node {
    #[inline]
    pub(crate) fn control(&self) -> Control {
        // Acquire: the reason was written before the request was counted.
        Control(self.control.load(Ordering::Acquire))
    }

    fn update(&self, mut change: impl FnMut(u64) -> u64) -> Control {
        let mut old = self.control.load(Ordering::Acquire);
        loop {
            match self.control.compare_exchange_weak(
                old,
                change(old),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(old) => return Control(old),
                Err(now) => old = now,
            }
        }
    }

    /// Counts a request; with `hard`, it may be delivered at once.
    pub(crate) fn request(self: &Arc<Self>, reason: &CancelReason, hard: bool) {
        self.note_reason(reason);
        self.update(|word| {
            let word = if word & FIELD == FIELD {
                word
            } else {
                word + REQUEST
            };
            if hard { word | HARD } else { word }
        });
        self.wake_task();
    }

    /// The grace is over: what was requested may be delivered.
    pub(crate) fn harden(self: &Arc<Self>) {
        self.update(|word| word | HARD);
        self.wake_task();
    }

    /// The group's request arrives at one of its tasks: soft once, hard once.
    pub(crate) fn pass(self: &Arc<Self>, reason: &CancelReason, hard: bool) {
        self.note_reason(reason);
        let old = self.update(|word| {
            let counted = word & (PASSED_SOFT | PASSED_HARD) != 0 || word & FIELD == FIELD;
            let word = if counted { word } else { word + REQUEST };
            if hard {
                word | PASSED_SOFT | PASSED_HARD | HARD
            } else {
                word | PASSED_SOFT
            }
        });
        if old.0 & if hard { PASSED_HARD } else { PASSED_SOFT } == 0 {
            self.wake_task();
        }
    }

    /// Whether the group's request has arrived here.
    pub(crate) fn passed(&self, hard: bool) -> bool {
        self.control().0
            & if hard {
                PASSED_HARD
            } else {
                PASSED_SOFT | PASSED_HARD
            }
            != 0
    }

    fn note_reason(&self, reason: &CancelReason) {
        let mut inner = lock(&self.inner);
        if inner.reason.is_none() {
            inner.reason = Some(reason.clone());
        }
    }

    /// Takes one request back; gives how many are left.
    pub(crate) fn uncancel(&self) -> usize {
        let old = self.update(|word| {
            let requests = (word & FIELD).saturating_sub(1);
            let delivered = ((word >> DELIVERED_SHIFT) & FIELD).min(requests);
            let rest = word & !(FIELD | FIELD << DELIVERED_SHIFT);
            let rest = if requests == 0 { rest & !HARD } else { rest };
            rest | requests | delivered << DELIVERED_SHIFT
        });
        if old.requests() <= 1 {
            lock(&self.inner).reason = None;
        }
        old.requests().saturating_sub(1)
    }

    /// All requests so far are delivered.
    pub(crate) fn mark_delivered(&self) {
        self.update(|word| {
            (word & !(FIELD << DELIVERED_SHIFT))
                | (word & FIELD) << DELIVERED_SHIFT
                | DELIVERED_ONCE
        });
    }

    /// The task has seen that it has this node.
    pub(crate) fn claim(&self) {
        self.control.fetch_or(CLAIMED, Ordering::AcqRel);
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.control.load(Ordering::Acquire) & CLAIMED != 0
    }

    /// How many deliveries of requests on the nodes around this one there have been.
    pub(crate) fn deliveries_around(self: &Arc<Self>) -> u64 {
        self.outward().map(|node| node.control().delivered()).sum()
    }

    /// What was inside this node has been cut. If a request on a node around it had been delivered in there meanwhile, whoever took it
    /// did not get to pass it on: it is delivered again, unless it was taken back.
    pub(crate) fn redeliver(self: &Arc<Self>, deliveries_before: u64) {
        if self.deliveries_around() <= deliveries_before {
            return;
        }
        let taken = self.outward().find(|node| {
            let control = node.control();
            control.requests() > 0 && control.delivered() > 0
        });
        if let Some(node) = taken {
            node.update(|word| {
                let delivered = ((word >> DELIVERED_SHIFT) & FIELD).saturating_sub(1);
                (word & !(FIELD << DELIVERED_SHIFT)) | delivered << DELIVERED_SHIFT
            });
        }
    }

    pub(crate) fn reason(&self) -> CancelReason {
        lock(&self.inner).reason.clone().unwrap_or_default()
    }

    /// Holds back delivery to anything from here outward, to the root of the task (invariant 4).
    pub(crate) fn hold(self: &Arc<Self>) {
        self.update(|word| word + HOLD);
        for node in self.outward() {
            node.update(|word| word + HOLD);
        }
    }

    /// Gives back one [`hold`](Self::hold).
    pub(crate) fn release(self: &Arc<Self>) {
        self.update(|word| word - HOLD);
        for node in self.outward() {
            node.update(|word| word - HOLD);
        }
    }

    /// The innermost node outside this one whose request is to be delivered to this one.
    pub(crate) fn outward_request(self: &Arc<Self>) -> Option<&Arc<Node>> {
        self.outward().find(|node| node.control().deliverable())
    }

    /// The innermost node from here outward that was asked to end, deliverable or not.
    pub(crate) fn any_request(self: &Arc<Self>) -> Option<&Arc<Node>> {
        std::iter::once(self)
            .chain(self.outward())
            .find(|node| node.control().requests() > 0)
    }
}

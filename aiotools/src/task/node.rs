//! The tree: every group, scope, region, timeout and (where it needs one) task is a [`Node`].
//!
//! This file is pure: it knows wakers and locks, but nothing of tokio, and its synchronisation types come from
//! [`sync`](super::sync), so that loom can check it (`scripts/loom`).
//!
//! # States
//!
//! Two atomic words hold the state of a node.
//!
//! `count`: how much is alive in it. Units are children, cleanups, and orphaned nodes that were handed to it.
//!
//! ```text
//!   OPEN, live = n ──try_close, only when live = 0──────────────────────────► CLOSED
//!     │                                                                        ▲
//!     └──orphan (the owner is gone; an heir counts this node as one unit)──► ORPHANED ──live reaches 0──┘ then heir.leave()
//! ```
//!
//! `control`: what is asked of it: requests that were made, requests that were delivered, holds, and four flags.
//!
//! # Invariants
//!
//! 1. `enter` adds one unit, or finds CLOSED and takes nothing (G5). CLOSED is set by one compare-and-swap that succeeds only at
//!    `live = 0`, so a unit is either counted before it, and waited for, or refused. There is no state between.
//! 2. Whoever takes `live` from 0 to 1 leaks one strong reference; whoever takes it from 1 to 0 owns that reference. So as long
//!    as a unit is held, the node is alive, and a unit may be held by a bare pointer (as children do).
//! 3. A request is *deliverable* when it is HARD (its grace is over), not yet delivered, and nothing holds the node.
//! 4. A hold is taken on a node and on all nodes outside it up to the root of the task; it is given back on the same nodes.
//! 5. The heir counts an orphan *before* ORPHANED is set, and is left exactly once: by whoever sets CLOSED on the orphan.
//! 6. A waker that is stored in a node is stored under `inner`, *before* its owner looks at the state for the last time, and whoever
//!    changes the state takes it afterwards: so no change is missed.
//!
//! # Lock order
//!
//! `Family::kids` of a node, then `inner` of a node of that family. Never two `inner` at once, never a lock while a waker runs, and no
//! lock is shared by two groups.

use std::{panic::Location, task::Waker};

use super::{
    family::Family,
    meta::location_name,
    sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock},
    wakers::Wakers,
};
use crate::{cancel::CancelReason, cleanup::tracker::Outstanding};

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Group,
    Scope,
    Context,
    Timer,
    Task,
    Cleanup,
    Timeout,
    Region,
}

/// One node of the tree.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) parent: Option<Arc<Node>>,
    pub(crate) name: Option<std::sync::Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) born: std::time::Instant,
    pub(crate) family: Option<Family>,
    pub(crate) context: Option<crate::task::context_var::Captured>,
    count: AtomicU64,
    control: AtomicU64,
    /// Units that are not children.
    others: AtomicUsize,
    /// Where it stands in the list of those around it; guarded by the lock of that list.
    pub(super) place: std::sync::atomic::AtomicUsize,
    pub(crate) inner: Mutex<Inner>,
}

/// The cold half of a node.
#[derive(Default)]
pub(crate) struct Inner {
    /// Why it was asked to end, first request first.
    pub(crate) reason: Option<CancelReason>,
    /// The one that drives this node, for every change.
    host: Option<Waker>,
    /// All others who wait for a change.
    pub(crate) waiters: Wakers,
    /// Nodes directly inside this one that are open.
    pub(crate) subs: Vec<Arc<Node>>,
    /// Who waits for it when its owner is gone.
    heir: Option<Heir>,
    /// How the task ended.
    pub(crate) ended: Option<Box<super::handle::Ended>>,
    /// Who it is that this task waits for in `cancel_and_wait`.
    pub(crate) waiting_for: Option<Arc<Node>>,
}

/// Who waits for an orphan.
pub(crate) enum Heir {
    Node(Arc<Node>),
    Process(Outstanding),
}

// The word `count`: two flags, 32 bits of live units, 30 bits of a sequence number that wraps.
const CLOSED: u64 = 1;
const ORPHANED: u64 = 2;
const UNIT: u64 = 1 << 2;
const LIVE: u64 = 0xffff_ffff << 2;
const SEQ_SHIFT: u32 = 34;
const SEQ: u64 = 1 << SEQ_SHIFT;

// The word `control`: requests, delivered and holds with 16 bits each, then flags.
const REQUEST: u64 = 1;
const DELIVERED_SHIFT: u32 = 16;
const HOLD_SHIFT: u32 = 32;
const HOLD: u64 = 1 << HOLD_SHIFT;
const FIELD: u64 = 0xffff;
/// Requests on this node may be delivered.
const HARD: u64 = 1 << 48;
/// The children of this node have been asked to wind down.
const KIDS_SOFT: u64 = 1 << 49;
/// The children of this node are to end at their next suspension point.
const KIDS_HARD: u64 = 1 << 50;
/// The request of the group has reached this task.
const PASSED_SOFT: u64 = 1 << 51;
const PASSED_HARD: u64 = 1 << 52;
/// A request was delivered to somebody inside at least once.
const DELIVERED_ONCE: u64 = 1 << 53;
/// The task knows that it has this node.
const CLAIMED: u64 = 1 << 54;

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
    #[inline]
    pub(crate) fn kids_soft(self) -> bool {
        self.0 & (KIDS_SOFT | KIDS_HARD) != 0
    }
    #[inline]
    pub(crate) fn kids_hard(self) -> bool {
        self.0 & KIDS_HARD != 0
    }
}

impl Node {
    #[inline]
    pub(crate) fn new(
        kind: Kind,
        parent: Option<Arc<Node>>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            kind,
            parent,
            name: None,
            location,
            born: std::time::Instant::now(),
            family: None,
            context: None,
            count: AtomicU64::new(0),
            control: AtomicU64::new(0),
            others: AtomicUsize::new(0),
            place: std::sync::atomic::AtomicUsize::new(0),
            inner: Mutex::new(Inner::default()),
        }
    }

    /// The name that it was given, or else the place where it was made.
    pub(crate) fn name(&self) -> &str {
        self.name
            .as_deref()
            .unwrap_or_else(|| location_name(self.location))
    }

    /// Whether requests stop here on their way out: nodes of one task form a chain that ends with such a node.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none()
            || matches!(
                self.kind,
                Kind::Task | Kind::Cleanup | Kind::Context | Kind::Timer
            )
    }

    /// The outermost node of the same task.
    pub(crate) fn root(self: &Arc<Self>) -> &Arc<Self> {
        let mut node = self;
        while !node.is_root() {
            let Some(parent) = &node.parent else { break };
            node = parent;
        }
        node
    }

    /// The nodes outside this one in the same task, innermost first.
    pub(crate) fn outward(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        let mut node = Some(self);
        std::iter::from_fn(move || {
            let here = node?;
            node = if here.is_root() {
                None
            } else {
                here.parent.as_ref()
            };
            node
        })
    }

    // ---- counting ------------------------------------------------------------------------------------------------

    #[inline]
    fn add(self: &Arc<Self>, amount: u64) -> Option<u32> {
        // Acquire/Release on both sides: what a unit did before it left is seen by whoever sees the count without it.
        let old = self.count.fetch_add(amount, Ordering::AcqRel);
        if old & CLOSED != 0 {
            // Nobody looks at the live units of a closed node any more, so this excursion has no witness.
            self.count.fetch_sub(amount & LIVE, Ordering::AcqRel);
            return None;
        }
        assert!(
            old & LIVE != LIVE,
            "more than four billion tasks in one group"
        );
        if old & LIVE == 0 {
            // Invariant 2. The unit that was just taken has not been given to anybody, so `live` cannot reach 0 before this.
            let _ = Arc::into_raw(Arc::clone(self));
        }
        Some((old >> SEQ_SHIFT) as u32)
    }

    /// Counts a child and gives its number, or refuses it because the node has ended.
    #[inline]
    pub(crate) fn enter(self: &Arc<Self>) -> Option<u32> {
        self.add(UNIT + SEQ)
    }

    /// Counts something that is not a child: a cleanup or an orphan.
    pub(crate) fn enter_other(self: &Arc<Self>) -> bool {
        self.others.fetch_add(1, Ordering::Relaxed);
        let entered = self.add(UNIT).is_some();
        if !entered {
            self.others.fetch_sub(1, Ordering::Relaxed);
        }
        entered
    }

    /// Gives back one unit.
    ///
    /// # Safety
    ///
    /// The caller holds a unit of `this`, and gives it up.
    #[expect(
        unsafe_code,
        reason = "units keep their node alive without a strong reference each"
    )]
    #[inline]
    pub(crate) unsafe fn leave(this: *const Self) {
        // SAFETY: a unit is held, so the node is alive (invariant 2).
        let old = unsafe { &*this }.count.fetch_sub(UNIT, Ordering::AcqRel);
        debug_assert!(old & LIVE != 0, "a unit was given back twice");
        if old & LIVE == UNIT {
            // SAFETY: this was the step from 1 to 0, so the leaked reference is ours (invariant 2).
            let node = unsafe { Arc::from_raw(this) };
            node.emptied(old & ORPHANED != 0);
        }
    }

    /// Gives back a unit that is not a child.
    #[expect(
        unsafe_code,
        reason = "units keep their node alive without a strong reference each"
    )]
    pub(crate) fn leave_other(self: &Arc<Self>) {
        self.others.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller entered with `enter_other`, once, and gives that unit up.
        unsafe { Self::leave(Arc::as_ptr(self)) };
    }

    fn emptied(self: &Arc<Self>, orphaned: bool) {
        if orphaned {
            self.try_close();
        } else {
            self.wake();
        }
    }

    /// How much is alive in it.
    pub(crate) fn live(&self) -> usize {
        ((self.count.load(Ordering::Acquire) & LIVE) / UNIT) as usize
    }

    /// Units that are not children.
    pub(crate) fn others(&self) -> usize {
        self.others.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.count.load(Ordering::Acquire) & CLOSED != 0
    }

    pub(crate) fn is_orphaned(&self) -> bool {
        self.count.load(Ordering::Acquire) & ORPHANED != 0
    }

    /// Ends the node if nothing is alive in it. True if it has ended, now or before.
    pub(crate) fn try_close(self: &Arc<Self>) -> bool {
        let mut old = self.count.load(Ordering::Acquire);
        loop {
            if old & CLOSED != 0 {
                return true;
            }
            if old & LIVE != 0 {
                return false;
            }
            // Invariant 1: the comparison covers the live units, so no unit can slip in between.
            match self.count.compare_exchange(
                old,
                old | CLOSED,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
        self.closed(old & ORPHANED != 0);
        true
    }

    fn closed(self: &Arc<Self>, orphaned: bool) {
        super::registry::remove(self);
        if orphaned && let Some(family) = &self.family {
            family.report_errors();
        }
        self.wake();
        if orphaned {
            // Invariant 5: the compare-and-swap above succeeds once.
            let heir = lock(&self.inner).heir.take();
            match heir {
                Some(Heir::Node(heir)) => heir.leave_other(),
                // Dropped, a heir of this kind is no longer counted.
                Some(Heir::Process(_)) | None => {}
            }
        }
    }

    /// The owner is gone: whatever is still alive is from now on waited for by `heir`, or by the process.
    pub(crate) fn orphan(self: &Arc<Self>, heir: Option<Arc<Node>>) {
        if self.try_close() {
            return;
        }
        let mut candidate = heir;
        let heir = loop {
            match candidate {
                Some(node) if node.enter_other() => break Heir::Node(node),
                // It has ended already (its future was moved out and polled elsewhere): then who is outside it.
                Some(node) => candidate = node.parent.clone(),
                None => break Heir::Process(Outstanding::new()),
            }
        };
        lock(&self.inner).heir = Some(heir);
        self.count.fetch_or(ORPHANED, Ordering::AcqRel);
        // If the last unit left just before, it did not see ORPHANED; then it is ours to close.
        self.try_close();
    }

    // ---- requests ------------------------------------------------------------------------------------------------

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

    /// Sets the flags that say that the children are to end. True if that is news.
    pub(crate) fn flag_kids(&self, hard: bool) -> bool {
        let flag = if hard {
            KIDS_HARD | KIDS_SOFT
        } else {
            KIDS_SOFT
        };
        let old = self.update(|word| word | flag);
        old.0 & flag != flag
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

    // ---- waking --------------------------------------------------------------------------------------------------

    /// Stores the waker of the one that drives this node (invariant 6).
    pub(crate) fn set_host(&self, waker: &Waker) {
        let mut inner = lock(&self.inner);
        match &mut inner.host {
            Some(host) => host.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn clear_host(&self) {
        let host = lock(&self.inner).host.take();
        drop(host);
    }

    /// Wakes the one that drives this node, and all that wait for it.
    pub(crate) fn wake(&self) {
        let (host, waiters) = {
            let inner = lock(&self.inner);
            (inner.host.clone(), inner.waiters.all())
        };
        // Innermost first: what is polled by its own waker has to be marked before the task is.
        for waker in waiters {
            waker.wake();
        }
        if let Some(host) = host {
            host.wake();
        }
    }

    /// A request changed: everything inside the same task has to look.
    pub(crate) fn wake_task(self: &Arc<Self>) {
        let root = self.root();
        root.wake();
        if !Arc::ptr_eq(root, self) {
            self.wake();
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} `{}`", self.kind, self.name())
    }
}

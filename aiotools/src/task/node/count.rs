//! The word `count` of a node: what is alive in it, and how it closes. The states and invariants are in [`super`].

use super::{super::registry, Arc, Heir, Node, Ordering, Outstanding, lock};

// Two flags, 32 bits of live units, 30 bits of a sequence number that wraps.
const CLOSED: u64 = 1;
const ORPHANED: u64 = 2;
const UNIT: u64 = 1 << 2;
const LIVE: u64 = 0xffff_ffff << 2;
const SEQ_SHIFT: u32 = 34;
const SEQ: u64 = 1 << SEQ_SHIFT;

impl Node {
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
        registry::remove(self);
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
}

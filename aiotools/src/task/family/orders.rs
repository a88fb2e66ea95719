//! [`Orders`]: the one word that a child looks at before and after each of its polls.

use super::super::sync::{AtomicUsize, Ordering};

/// The children have been asked to wind down.
const SOFT: usize = 1;
/// The children are to end at their next suspension point.
const HARD: usize = 2;
/// Books are kept of the children that start, or of those that end.
const BOOKS: usize = 4;
/// Something has failed, and was kept. Nothing for a child to look at.
const FAILED: usize = 8;
/// One node that a handle has made for a child that does not know it yet; a count from here up.
const UNCLAIMED: usize = 16;

/// What the children of a group have to look at. In most groups it is 0 from the first child to the last: as long as it is, a child
/// without a node polls its future and ends, and takes no lock.
pub(super) struct Board(AtomicUsize);

/// A snapshot of a [`Board`].
#[derive(Clone, Copy)]
pub(crate) struct Orders(usize);

impl Board {
    pub(super) fn new(books: bool) -> Self {
        Self(AtomicUsize::new(if books { BOOKS } else { 0 }))
    }

    #[inline]
    pub(super) fn read(&self) -> Orders {
        // Acquire: the reason was written before the order.
        Orders(self.0.load(Ordering::Acquire))
    }

    /// Says that the children are to end. True if that is news.
    pub(super) fn order(&self, hard: bool) -> bool {
        let order = if hard { SOFT | HARD } else { SOFT };
        self.0.fetch_or(order, Ordering::AcqRel) & order != order
    }

    /// A failure is kept.
    pub(super) fn note_failure(&self) {
        self.0.fetch_or(FAILED, Ordering::AcqRel);
    }

    /// A node waits to be claimed. Under the lock of `kids`.
    pub(super) fn offer(&self) {
        self.0.fetch_add(UNCLAIMED, Ordering::AcqRel);
    }

    /// A node was claimed, or is not needed any more. Under the lock of `kids`.
    pub(super) fn settle(&self) {
        self.0.fetch_sub(UNCLAIMED, Ordering::AcqRel);
    }
}

impl Orders {
    /// Those of a node that has no children.
    pub(super) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn none(self) -> bool {
        self.0 & !FAILED == 0
    }

    #[inline]
    pub(crate) fn soft(self) -> bool {
        self.0 & SOFT != 0
    }

    #[inline]
    pub(crate) fn hard(self) -> bool {
        self.0 & HARD != 0
    }

    /// Whether a failure was kept.
    #[inline]
    pub(super) fn failed(self) -> bool {
        self.0 & FAILED != 0
    }

    /// Whether a node waits for its child.
    #[inline]
    pub(super) fn unclaimed(self) -> bool {
        self.0 >= UNCLAIMED
    }

    /// Whether the end of a child has to be noted, even of one that was never parked.
    #[inline]
    pub(crate) fn noted(self) -> bool {
        self.0 & !(SOFT | HARD | FAILED) != 0
    }
}

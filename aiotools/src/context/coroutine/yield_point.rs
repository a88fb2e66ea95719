//! The yield point: the body's side of the slot.
//!
//! # Borrows
//!
//! A value lent for `'a` is kept as its `'static` sibling. That is sound as long as the borrow is alive
//! whenever the value is, and this rests on the future returned by [`YieldPoint::lend`]: it carries `'a`, so
//! the borrow checker keeps the loan until it has completed or is dropped. A user who could leak that
//! future (`mem::forget` after one poll) could end the loan early. So the future must be awaited where it
//! is made, directly in the coroutine's own body: only `unsafe` code can lend, and the one who does is the
//! expansion of `#[actxmgr]` and its relatives, where `yield_!` awaits at once and breaks to a label that
//! no closure and no nested async block can reach. A hand-written manager never sees a yield point: the
//! library lends for it.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::slot::Slot;
use crate::context::lend::Lend;

/// Where the body hands its value to the driver. Made by the library, used by `yield_!`.
///
/// It does not say which slot: nobody but its frame polls the body, so when the body uses its yield point, the slot
/// of that frame is the current one.
pub struct YieldPoint<L: ?Sized, R> {
    /// Invariant in `L`: a point of one family does not take the values of another.
    family: PhantomData<fn(*mut L) -> R>,
}

impl<L: ?Sized, R> Clone for YieldPoint<L, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized, R> Copy for YieldPoint<L, R> {}

impl<L: ?Sized, R> fmt::Debug for YieldPoint<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YieldPoint").finish_non_exhaustive()
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R> YieldPoint<L, R> {
    /// The one way to the slot of a body. It goes into the body and nowhere else.
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            family: PhantomData,
        }
    }

    /// Offers `value` to the driver. The future completes when the driver resumes the body.
    ///
    /// # Panics
    ///
    /// When the body has yielded before.
    #[inline]
    pub(crate) fn lend<'a>(self, value: <L as Lend<'a>>::Value) -> Suspended<'a, L, R> {
        // SAFETY: only the body has a yield point. For how long the value is used, see "Borrows".
        unsafe { Slot::<L, R>::current().offer(value) };
        Suspended {
            family: PhantomData,
            loan: PhantomData,
        }
    }
}

impl<L: ?Sized, R> YieldPoint<L, R> {
    /// What `yield_!` lends through.
    ///
    /// # Safety
    ///
    /// What [`Lender::lend`] returns is awaited where it is made, directly in the body that this yield point was
    /// made for; see "Borrows".
    #[doc(hidden)]
    #[inline]
    pub unsafe fn lender(self) -> Lender<L, R> {
        Lender(self)
    }
}

/// A yield point in the hands of an expanded macro.
#[doc(hidden)]
pub struct Lender<L: ?Sized, R>(YieldPoint<L, R>);

impl<L: ?Sized, R> Clone for Lender<L, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized, R> Copy for Lender<L, R> {}

impl<L: ?Sized, R> fmt::Debug for Lender<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender").finish_non_exhaustive()
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R> Lender<L, R> {
    /// Yields `value`.
    #[inline]
    pub fn lend<'a>(self, value: <L as Lend<'a>>::Value) -> Suspended<'a, L, R> {
        self.0.lend(value)
    }
}

/// The body, suspended at its yield point; completes with what the driver resumes it with.
#[doc(hidden)]
#[must_use = "the body goes on when this is awaited"]
pub struct Suspended<'a, L: for<'x> Lend<'x> + ?Sized, R> {
    family: PhantomData<fn(*mut L) -> R>,
    /// Keeps the loan of the value alive until the body has been resumed, and is as `Send` as it.
    loan: PhantomData<<L as Lend<'a>>::Value>,
}

impl<L: for<'x> Lend<'x> + ?Sized, R> fmt::Debug for Suspended<'_, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended").finish_non_exhaustive()
    }
}

impl<L: for<'x> Lend<'x> + ?Sized, R> Future for Suspended<'_, L, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        // SAFETY: only the body has a yield point, and it awaits this.
        let resumed = unsafe { Slot::<L, R>::current() }.resumed_with();
        // No waker to keep: whoever resumes also polls.
        resumed.map_or(Poll::Pending, Poll::Ready)
    }
}

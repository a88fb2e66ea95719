//! The driver: the side that enters, lends and resumes.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::frame::{Halves, SecondHalf, Step};
use crate::context::catch_unwind::{CatchUnwind, Panic};
use crate::context::lend::Lend;
use crate::lazy::lazy;

/// Whoever drives a frame: owns it, and is the only one who uses it.
pub(crate) trait Driver {
    type Frame: SecondHalf + ?Sized;

    #[doc(hidden)]
    fn frame(&self) -> Pin<&Self::Frame>;

    /// Runs the first half.
    #[inline]
    fn poll_setup(&mut self, cx: &mut Context<'_>) -> Poll<Step<OutputOf<Self>>>
    where
        Self::Frame: Halves,
    {
        // SAFETY: the driver holds `&mut self`, so the body cannot call this.
        unsafe { self.frame().poll_setup(cx) }
    }

    /// Lets the body go on behind its yield at the next `poll_cleanup`; drops the value if it is
    /// still in the slot.
    #[inline]
    fn resume(&mut self, with: ResumeOf<Self>) {
        self.frame().resume(with);
    }

    /// Runs the second half.
    #[inline]
    fn poll_cleanup(&mut self, cx: &mut Context<'_>) -> Poll<OutputOf<Self>> {
        // SAFETY: the driver holds `&mut self`, so the body cannot call this.
        unsafe { self.frame().poll_cleanup(cx) }
    }

    /// Moves the value out. It is gone before `self` can be used again, because it borrows it.
    fn lend(&mut self) -> <LendOf<Self> as Lend<'_>>::Value
    where
        Self::Frame: Halves,
    {
        // SAFETY: the borrow of `self` lasts as long as the value.
        unsafe { self.frame().take() }
    }

    /// Gives the value to `body` and runs it; a panic of the body comes back as its payload.
    ///
    /// The body, and with it the value, is gone when this is done or dropped; if it is leaked, it
    /// never runs again. Either way nothing uses the value once `self` is free to be resumed.
    #[inline]
    fn lend_to<T, B>(&mut self, body: B) -> impl Future<Output = Result<T, Panic>>
    where
        Self::Frame: Halves,
        B: for<'a> AsyncFnOnce(<LendOf<Self> as Lend<'a>>::Value) -> T,
    {
        // SAFETY: the value moves into the future of the body, which cannot let it escape, being
        // made for every `'a`; that future is all there is in the one returned here, and that one
        // borrows `self`.
        let value = unsafe { self.frame().take() };
        // Called in the poll, so that a closure that panics before it returns a future is caught.
        CatchUnwind::new(lazy(
            (body, value),
            |(body, value)| (body(value), ()),
            |(), value| value,
        ))
    }
}

/// What the body that `D` drives returns.
pub(crate) type OutputOf<D> = <<D as Driver>::Frame as SecondHalf>::Output;

/// What the body that `D` drives is resumed with.
pub(crate) type ResumeOf<D> = <<D as Driver>::Frame as SecondHalf>::Resume;

/// What the body that `D` drives lends.
pub(crate) type LendOf<D> = <<D as Driver>::Frame as Halves>::Lend;

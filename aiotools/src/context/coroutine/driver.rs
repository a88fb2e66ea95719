//! The driver: the side that enters, lends and resumes.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::frame::{Halves, SecondHalf, Step};
use crate::context::lend::Lend;

/// Whoever drives a frame: owns it, and is the only one who uses it.
pub(crate) trait Driver {
    type Frame: SecondHalf + ?Sized;

    #[doc(hidden)]
    fn frame(self: Pin<&Self>) -> Pin<&Self::Frame>;

    /// Runs the first half.
    #[inline]
    fn poll_setup(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Step<OutputOf<Self>>>
    where
        Self::Frame: Halves,
    {
        // SAFETY: the driver is borrowed mutably, so the body cannot call this.
        unsafe { self.as_ref().frame().poll_setup(cx) }
    }

    /// Lets the body go on behind its yield at the next `poll_cleanup`; drops the value if it is
    /// still in the slot.
    #[inline]
    fn resume(self: Pin<&mut Self>, with: ResumeOf<Self>) {
        self.as_ref().frame().resume(with);
    }

    /// Runs the second half.
    #[inline]
    fn poll_cleanup(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OutputOf<Self>> {
        // SAFETY: the driver is borrowed mutably, so the body cannot call this.
        unsafe { self.as_ref().frame().poll_cleanup(cx) }
    }

    /// Moves the value out. It is gone before the driver can be used again, because it borrows it.
    fn lend<'a>(self: Pin<&'a mut Self>) -> <LendOf<Self> as Lend<'a>>::Value
    where
        Self::Frame: Halves,
    {
        // SAFETY: the borrow of `self` lasts as long as the value.
        unsafe { self.as_ref().frame().take() }
    }
}

/// What the body that `D` drives returns.
pub(crate) type OutputOf<D> = <<D as Driver>::Frame as SecondHalf>::Output;

/// What the body that `D` drives is resumed with.
pub(crate) type ResumeOf<D> = <<D as Driver>::Frame as SecondHalf>::Resume;

/// What the body that `D` drives lends.
pub(crate) type LendOf<D> = <<D as Driver>::Frame as Halves>::Lend;

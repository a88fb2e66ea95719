//! A frame in the future of whoever drives it.

use std::pin::Pin;

use super::Coroutine;
use super::driver::Driver;
use super::frame::Frame;
use crate::context::lend::Lend;

/// A frame in the future of whoever pins it: no allocation, and nobody to hand the second half to.
pub(crate) struct PinnedFrame<'p, L: for<'a> Lend<'a> + ?Sized, R, F: Future> {
    frame: Pin<&'p Frame<L, R, F>>,
}

// SAFETY: the reference stands for the frame itself: whoever pinned it gave it away with `start`.
unsafe impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Send for PinnedFrame<'_, L, R, F> where
    Frame<L, R, F>: Send
{
}

impl<'p, L: for<'a> Lend<'a> + ?Sized, R, F: Future> PinnedFrame<'p, L, R, F> {
    /// The place to pin: `pin!(PinnedFrame::place())`.
    pub(crate) const fn place() -> Frame<L, R, F> {
        Frame::empty()
    }

    #[inline]
    pub(crate) fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(
        place: Pin<&'p mut Frame<L, R, F>>,
        coroutine: C,
    ) -> Self {
        let frame = place.into_ref();
        frame.start(coroutine);
        Self { frame }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Driver for PinnedFrame<'_, L, R, F> {
    type Frame = Frame<L, R, F>;

    #[inline]
    fn frame(&self) -> Pin<&Frame<L, R, F>> {
        self.frame
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Drop for PinnedFrame<'_, L, R, F> {
    #[inline]
    fn drop(&mut self) {
        self.frame.get_ref().drop_rest();
    }
}

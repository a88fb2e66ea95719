//! A coroutine in memory.
//!
//! Everything that both sides touch sits in cells, and both sides only ever hold shared references or raw
//! pointers to a frame, or a `Pin<&mut Frame>`, which is no claim to be the only path to it, because a frame is
//! not `Unpin`: the rule that every async block lives by that borrows from itself. No other `&mut Frame` and no
//! `Box<Frame>` exists while the body is alive. So nothing claims to be the only path to memory that the
//! body, or the value that it lent, points into.
//!
//! A frame is `Send` if the future, the resume value and every value that may be in the slot are.

use std::cell::UnsafeCell;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::driver::Driver;
use super::slot::{Slot, State, Stored};
use super::{Coroutine, YieldPoint};
use crate::context::lend::Lend;

/// How the first half of a body ended.
#[derive(Debug)]
pub(crate) enum Step<O> {
    /// It stands at its yield point, and the value is in the slot.
    Yielded,
    /// It returned without yielding.
    Ended(O),
}

/// A coroutine in memory: its future and the slot beside it.
pub(crate) struct Frame<L: for<'a> Lend<'a> + ?Sized, R, F> {
    slot: Slot<L, R>,
    /// Initialised in every state but `Done`.
    future: UnsafeCell<MaybeUninit<F>>,
    _pinned: PhantomPinned,
}

// SAFETY: these are all that it holds. One thread at a time uses it (invariant 4).
unsafe impl<L, R, F> Send for Frame<L, R, F>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized,
    R: Send,
    F: Send,
{
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Frame<L, R, F> {
    /// The body in its place; runs nothing. It may be moved until it is polled.
    #[inline]
    pub(crate) fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(coroutine: C) -> Self {
        Self {
            slot: Slot::new(),
            future: UnsafeCell::new(MaybeUninit::new(coroutine.start(YieldPoint::new()))),
            _pinned: PhantomPinned,
        }
    }

    /// # Safety
    ///
    /// In `Setup` or `Resumed`, and not from within the body itself.
    #[inline]
    unsafe fn poll_body(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is there, is pinned with the frame, and nobody else refers to it.
        let future = unsafe { Pin::new_unchecked((*self.future.get()).assume_init_mut()) };
        let polled = self.slot.while_current(|| future.poll(cx));
        if polled.is_ready() {
            self.drop_rest();
        }
        polled
    }
}

/// A frame of which the second half is left: how it began and what it lent is of no interest any more.
pub(crate) trait SecondHalf {
    type Resume;
    type Output;

    /// Resumes the body: the next `poll_cleanup` goes on behind the yield. Drops the value if it
    /// is still in the slot.
    ///
    /// A value that was taken out is gone by now: whoever takes it borrows the owner of the frame for as
    /// long as it lives (invariant 2).
    fn resume(self: Pin<&Self>, with: Self::Resume);

    /// Runs the second half.
    ///
    /// # Safety
    ///
    /// Not from within the body itself.
    unsafe fn poll_cleanup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// Drops what is left: the value, then the future (invariant 3).
    fn end(&self);
}

/// A frame with both halves, whatever the type of its future.
pub(crate) trait Halves: SecondHalf {
    type Lend: for<'a> Lend<'a> + ?Sized;

    /// Runs the first half.
    ///
    /// # Safety
    ///
    /// Not from within the body itself.
    unsafe fn poll_setup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Step<Self::Output>>;

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// The caller chooses `'a`: the value must be gone before the frame is resumed or dropped.
    unsafe fn take<'a>(self: Pin<&Self>) -> <Self::Lend as Lend<'a>>::Value;

    /// Points at the value in the slot. Valid until `resume` or `take`.
    fn value(&self) -> NonNull<Stored<Self::Lend>>;
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> SecondHalf for Frame<L, R, F> {
    type Resume = R;
    type Output = F::Output;

    #[inline]
    fn resume(self: Pin<&Self>, with: R) {
        self.slot.resume(with);
    }

    #[inline]
    unsafe fn poll_cleanup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert!(
            self.slot.state() == State::Resumed,
            "not resumed, or polled after the end"
        );
        // SAFETY: the state says that the future is there; passed on to the caller.
        unsafe { self.poll_body(cx) }
    }

    #[inline]
    fn end(&self) {
        self.drop_rest();
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Halves for Frame<L, R, F> {
    type Lend = L;

    #[inline]
    unsafe fn poll_setup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Step<F::Output>> {
        assert!(self.slot.state() == State::Setup, "polled after the yield");
        // SAFETY: the state says that the future is there; passed on to the caller.
        let polled = unsafe { self.poll_body(cx) };
        match polled {
            Poll::Ready(output) => Poll::Ready(Step::Ended(output)),
            Poll::Pending if self.slot.state() == State::Yielded => Poll::Ready(Step::Yielded),
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    unsafe fn take<'a>(self: Pin<&Self>) -> <L as Lend<'a>>::Value {
        // SAFETY: passed on to the caller.
        unsafe { self.slot.take() }
    }

    #[inline]
    fn value(&self) -> NonNull<Stored<L>> {
        self.slot.value()
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F> Frame<L, R, F> {
    #[inline]
    pub(super) fn drop_rest(&self) {
        let state = self.slot.end();
        if state != State::Done {
            // SAFETY: the future was there, and the state has moved on, so this happens once.
            unsafe { (*self.future.get()).assume_init_drop() };
        }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F> Drop for Frame<L, R, F> {
    #[inline]
    fn drop(&mut self) {
        self.drop_rest();
    }
}

/// The driver of a frame that lies in the future of whoever drives it: no allocation, and nobody to hand the
/// second half to.
impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Driver for Frame<L, R, F> {
    type Frame = Self;

    #[inline]
    fn frame(self: Pin<&Self>) -> Pin<&Self> {
        self
    }
}

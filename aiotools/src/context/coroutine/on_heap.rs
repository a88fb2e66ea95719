//! A frame on the heap.
//!
//! It is kept by a raw pointer, as moving a `Box` would assert uniqueness over the very bytes that a lent
//! reference points to.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;

use super::Coroutine;
use super::driver::Driver;
use super::frame::{Frame, Halves, SecondHalf};
use super::slot::Stored;
use crate::context::exit::Exit;
use crate::context::lend::Lend;

/// A frame on the heap, the one allocation that a manager costs. It is moved by its pointer.
pub(crate) struct OnHeap<T: SecondHalf + ?Sized> {
    frame: NonNull<T>,
    owns: PhantomData<T>,
}

/// A frame on the heap whose future is known.
pub(crate) type HeapFrame<L, R, F> = OnHeap<Frame<L, R, F>>;

/// A frame on the heap of which it is known what it lends and what it fails with.
pub(crate) type ErasedFrame<L, E> =
    OnHeap<dyn Halves<Lend = L, Resume = Exit, Output = Result<(), E>> + Send>;

/// A frame on the heap of which it is only known what it fails with.
pub(crate) type LentFrame<E> = OnHeap<dyn SecondHalf<Resume = Exit, Output = Result<(), E>> + Send>;

// SAFETY: owns the frame, and is the only one who uses it.
unsafe impl<T: SecondHalf + ?Sized + Send> Send for OnHeap<T> {}

// It may move, the frame stays where it is.
impl<T: SecondHalf + ?Sized> Unpin for OnHeap<T> {}

// SAFETY: a shared reference gives the value by `value`, and nothing else: whatever writes to the frame,
// the state that `value` reads included, asks for `&mut self`. So sharing this is sharing the value.
unsafe impl<T> Sync for OnHeap<T>
where
    T: Halves + ?Sized,
    T::Lend: for<'a> Lend<'a, Value: Sync>,
{
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> OnHeap<Frame<L, R, F>> {
    #[inline]
    pub(crate) fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(coroutine: C) -> Self {
        let frame = Box::into_raw(Box::new(Frame::start(coroutine)));
        Self {
            // SAFETY: a `Box` is not null.
            frame: unsafe { NonNull::new_unchecked(frame) },
            owns: PhantomData,
        }
    }

    /// Forgets the type of the future.
    pub(crate) fn erase(self) -> OnHeap<dyn Halves<Lend = L, Resume = R, Output = F::Output> + Send>
    where
        L: 'static,
        R: 'static,
        F: 'static,
        Frame<L, R, F>: Send,
    {
        OnHeap {
            frame: self.into_frame(),
            owns: PhantomData,
        }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized + 'static, F: Future<Output = Result<(), E>> + 'static, E>
    OnHeap<Frame<L, Exit, F>>
where
    Frame<L, Exit, F>: Send,
{
    /// Forgets also what it lends: of a manager that is only to be left.
    pub(crate) fn erase_lent(self) -> LentFrame<E> {
        OnHeap {
            frame: self.into_frame(),
            owns: PhantomData,
        }
    }

    /// Moves the value out, and forgets what it was.
    ///
    /// # Safety
    ///
    /// The caller chooses `'a`: the value must be gone before the frame is resumed or dropped.
    pub(crate) unsafe fn lend_and_erase<'a>(self) -> (LentFrame<E>, <L as Lend<'a>>::Value) {
        // SAFETY: passed on to the caller.
        let value = unsafe { self.pinned().take() };
        (self.erase_lent(), value)
    }
}

impl<T: SecondHalf + ?Sized> OnHeap<T> {
    #[inline]
    fn pinned(&self) -> Pin<&T> {
        Pin::new(self).frame()
    }

    /// Gives the frame away without ending it.
    fn into_frame(self) -> NonNull<T> {
        ManuallyDrop::new(self).frame
    }
}

impl<T: Halves + ?Sized> OnHeap<T> {
    /// The value, while it is in the slot.
    #[inline]
    pub(crate) fn value(&self) -> &Stored<T::Lend> {
        // SAFETY: it is there, and whoever moves or drops it (`resume`, `lend`) needs `&mut self`.
        unsafe { self.pinned().value().as_ref() }
    }

    /// The value, while it is in the slot.
    #[inline]
    pub(crate) fn value_mut(&mut self) -> &mut Stored<T::Lend> {
        // SAFETY: as in `value`, and `&mut self` makes it the only reference.
        unsafe { self.pinned().value().as_mut() }
    }
}

impl<T: SecondHalf + ?Sized> Driver for OnHeap<T> {
    type Frame = T;

    #[inline]
    fn frame(self: Pin<&Self>) -> Pin<&T> {
        // SAFETY: this owns the frame, which stays where it is until `drop`.
        unsafe { Pin::new_unchecked(self.frame.as_ref()) }
    }
}

impl<T: SecondHalf + ?Sized> Drop for OnHeap<T> {
    #[inline]
    fn drop(&mut self) {
        struct Free<T: ?Sized>(NonNull<T>);
        impl<T: ?Sized> Drop for Free<T> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: made from a `Box` in `start`, freed here and nowhere else.
                drop(unsafe { Box::from_raw(self.0.as_ptr()) });
            }
        }
        // Ended in place, through a shared reference: there may be no `Box` while the body and its
        // value are alive. The memory is freed even if the body panics in its drop.
        let _free = Free(self.frame);
        self.pinned().get_ref().end();
    }
}

//! A future that is not `Send`, in a task that is.
//!
//! A current-thread runtime runs its tasks on the thread that blocks on it, nearly always the same.
//! Tokio still asks for `Send`, because another thread may block on it next.
//!
//! # Why this is sound
//!
//! What is inside is touched (polled, dropped) on the thread that put it there, and on no other:
//! thread ids are never reused. On another thread a poll does nothing, and a drop leaks, which is safe,
//! and is told to `leaked`.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

pub(super) struct ThreadBound<F, L: Fn()> {
    future: ManuallyDrop<F>,
    owner: ThreadId,
    /// Called when `future` is leaked.
    leaked: L,
}

// SAFETY: `future` is only reached on the thread `owner`, see above; the rest is `Send`.
unsafe impl<F, L: Fn() + Send> Send for ThreadBound<F, L> {}

impl<F: Future<Output = ()> + Unpin, L: Fn()> ThreadBound<F, L> {
    pub(super) fn new(future: F, leaked: L) -> Self {
        Self {
            future: ManuallyDrop::new(future),
            owner: thread::current().id(),
            leaked,
        }
    }
}

impl<F: Unpin, L: Fn()> Unpin for ThreadBound<F, L> {}

impl<F: Future<Output = ()> + Unpin, L: Fn()> Future for ThreadBound<F, L> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if thread::current().id() != self.owner {
            // The runtime has moved. It may come back, so stay; the waker of the last poll at home
            // will bring this up again.
            return Poll::Pending;
        }
        Pin::new(&mut *self.future).poll(cx)
    }
}

impl<F, L: Fn()> Drop for ThreadBound<F, L> {
    fn drop(&mut self) {
        if thread::current().id() == self.owner {
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.future) };
        } else {
            (self.leaked)();
        }
    }
}

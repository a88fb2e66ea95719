//! [`Rare`]: something that few have, in a place that all have.
#![expect(unsafe_code, reason = "a value that is dropped by hand, once")]

use std::{
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
};

/// A value that is dropped out of line, so that the way of those that have none is short, and the compiler can inline it.
pub(crate) struct Rare<T>(ManuallyDrop<T>);

impl<T> Rare<T> {
    #[inline]
    pub(super) fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }

    pub(super) fn into_inner(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither dropped nor looked at any more.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl<T> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Drop for Rare<T> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: once, at the end.
        unsafe { ManuallyDrop::drop(&mut self.0) }
    }
}

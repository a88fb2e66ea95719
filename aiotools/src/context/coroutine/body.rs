//! A closure as a coroutine.

use std::fmt;
use std::marker::PhantomData;

use super::{Coroutine, YieldPoint};
use crate::context::lend::Lend;

/// A closure as a [`Coroutine`]. Made by the attributes.
pub struct Body<L: ?Sized, R, B> {
    body: B,
    family: PhantomData<fn(*mut L) -> R>,
}

impl<L: ?Sized, R, B, F> Body<L, R, B>
where
    B: FnOnce(YieldPoint<L, R>) -> F,
    F: Future,
{
    #[doc(hidden)]
    pub fn new(body: B) -> Self {
        Self {
            body,
            family: PhantomData,
        }
    }
}

impl<L, R, B, F> Coroutine for Body<L, R, B>
where
    L: for<'a> Lend<'a> + ?Sized,
    B: FnOnce(YieldPoint<L, R>) -> F,
    F: Future,
{
    type Lend = L;
    type Resume = R;
    type Future = F;

    fn start(self, yield_point: YieldPoint<L, R>) -> F {
        (self.body)(yield_point)
    }
}

impl<L: ?Sized, R, B> fmt::Debug for Body<L, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

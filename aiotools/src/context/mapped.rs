//! A coroutine whose outcome is another type, so that different managers can be kept side by side.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::coroutine::{Coroutine, Output, YieldPoint};

/// `coroutine`, with `map` applied to what it returns.
pub(crate) struct Mapped<C: Coroutine, O> {
    pub(crate) coroutine: C,
    pub(crate) map: fn(Output<C>) -> O,
}

impl<C: Coroutine, O> Coroutine for Mapped<C, O> {
    type Lend = C::Lend;
    type Resume = C::Resume;
    type Future = Map<C::Future, O>;

    fn start(self, yield_point: YieldPoint<C::Lend, C::Resume>) -> Self::Future {
        Map {
            future: self.coroutine.start(yield_point),
            map: self.map,
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`Mapped`].
    pub(crate) struct Map<F: Future, O> {
        #[pin]
        future: F,
        map: fn(F::Output) -> O,
    }
}

impl<F: Future, O> Future for Map<F, O> {
    type Output = O;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        let this = self.project();
        this.future.poll(cx).map(*this.map)
    }
}

//! Whichever of two futures ends first.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

pub(super) enum Either<A, B> {
    Left(A),
    Right(B),
}

/// The left one, if both have ended.
pub(super) async fn either<A, B>(mut a: A, mut b: B) -> Either<A::Output, B::Output>
where
    A: Future + Unpin,
    B: Future + Unpin,
{
    poll_fn(|cx| {
        if let Poll::Ready(a) = Pin::new(&mut a).poll(cx) {
            return Poll::Ready(Either::Left(a));
        }
        Pin::new(&mut b).poll(cx).map(Either::Right)
    })
    .await
}

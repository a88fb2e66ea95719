//! [`catch_cancel`]: the place where a cancellation is delivered, and what makes async cleanup possible.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::reason::{CancelReason, Cancelled};
use crate::task::engine::{Kind, Node, Seat, enter, node};

/// Runs `future`, and gives `Err(Cancelled)` when the task (or the group's body, or the timed block) that it is part of is
/// cancelled: then `future` has been dropped, and everything that it left behind has ended. What the code does next is async
/// cleanup, as in an `except CancelledError` block in Python.
///
/// The request goes to the innermost region; one region takes all requests that were made until then. A later request goes to
/// the next region outward, or, without one, cuts the cleanup itself, unless that is in a [`shield`](super::shield). A task that catches
/// a request and means to go on takes it back with [`uncancel`](crate::task::TaskRef::uncancel); one that cleans up and ends passes it on
/// with `?`.
///
/// Outside of every task and group of this library nobody can ask, and it is only `future`.
///
/// # Cancel safety
///
/// Dropped, it drops `future`; what that leaves behind is waited for by whoever is around it.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{Outcome, TaskScope, cancel_and_wait, catch_cancel};
///
/// TaskScope::scope(async |ts| {
///     let task = ts.spawn(async {
///         let caught = catch_cancel(std::future::pending::<()>()).await;
///         tokio::task::yield_now().await;                  // async cleanup
///         caught
///     });
///     tokio::task::yield_now().await;
///     assert_eq!(cancel_and_wait(task).await.unwrap(), Outcome::Cancelled);
/// }).await;
/// # });
/// ```
#[track_caller]
pub fn catch_cancel<F: Future>(future: F) -> CatchCancel<F> {
    CatchCancel {
        future: Some(future),
        region: Region::New(Location::caller()),
    }
}

pin_project! {
    /// The future of [`catch_cancel`].
    #[must_use = "futures do nothing unless polled"]
    pub struct CatchCancel<F: Future> {
        #[pin]
        future: Option<F>,
        region: Region,
    }

    impl<F: Future> PinnedDrop for CatchCancel<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Region::Open(seat) | Region::Caught(seat, _) = this.region {
                seat.enter(|| this.future.set(None));
            }
        }
    }
}

enum Region {
    New(&'static Location<'static>),
    /// Outside of every task of this library.
    Outside,
    Open(Seat),
    /// The future was dropped; what it left behind is waited for.
    Caught(Seat, CancelReason),
    Done,
}

impl<F: Future> Future for CatchCancel<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Region::New(location) = this.region {
            *this.region = match node() {
                Some(parent) => {
                    Region::Open(Seat::new(Node::new(Kind::Region, Some(parent), location)))
                }
                None => Region::Outside,
            };
        }
        if let Region::Open(seat) = this.region {
            seat.watch(cx.waker());
        }
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let polled = match this.region {
                Region::Open(seat) => enter(&seat.node, || future.poll(cx)),
                _ => future.poll(cx),
            };
            if let Poll::Ready(value) = polled {
                match this.region {
                    Region::Open(seat) => seat.enter(|| this.future.set(None)),
                    _ => this.future.set(None),
                }
                *this.region = Region::Done;
                return Poll::Ready(Ok(value));
            }
            let Region::Open(seat) = this.region else {
                return Poll::Pending;
            };
            let Some(asked) = seat.node.outward_request().cloned() else {
                return Poll::Pending;
            };
            let reason = asked.reason();
            asked.mark_delivered();
            seat.enter(|| this.future.set(None));
            if let Region::Open(seat) = std::mem::replace(this.region, Region::Done) {
                *this.region = Region::Caught(seat, reason);
            }
        }
        let Region::Caught(seat, _) = this.region else {
            panic!("`catch_cancel` was polled after its end")
        };
        seat.watch(cx.waker());
        if !seat.node.try_close() {
            return Poll::Pending;
        }
        match std::mem::replace(this.region, Region::Done) {
            Region::Caught(_, reason) => Poll::Ready(Err(Cancelled::new(reason))),
            _ => unreachable!("just matched"),
        }
    }
}

impl<F: Future> fmt::Debug for CatchCancel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchCancel").finish_non_exhaustive()
    }
}

//! Cleanups that go on in the background, counted by the node in which they were left behind.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{
    current,
    error::TaskError,
    node::{Kind, Node},
    report,
    seat::Seat,
    sync::Arc,
};

/// Makes `future` a cleanup of the node that is current on this thread: that node, and so the group around
/// it, does not end before it is done; nothing cancels it. It is for the caller to spawn it.
///
/// # Errors
///
/// Without a current node, the future comes back.
#[track_caller]
pub(crate) fn adopt<F: Future<Output = ()>>(future: F) -> Result<Adopted<F>, F> {
    if !current::is_any() {
        return Err(future);
    }
    let Some(mut owner) = current::node() else {
        return Err(future);
    };
    while !owner.enter_other() {
        match &owner.parent {
            Some(outer) => owner = Arc::clone(outer),
            None => return Err(future),
        }
    }
    // A root of its own: requests on the task that left it behind do not reach it.
    let mut node = Node::new(Kind::Cleanup, Some(Arc::clone(&owner)), Location::caller());
    node.name = Some("cleanup".into());
    Ok(Adopted {
        future: Some(future),
        seat: Seat::new(node),
        _unit: OtherUnit(owner),
    })
}

/// A unit of a node that is not a child, given back when dropped.
struct OtherUnit(Arc<Node>);

impl Drop for OtherUnit {
    fn drop(&mut self) {
        self.0.leave_other();
    }
}

pin_project! {
    /// What [`adopt`] makes of a future.
    pub(crate) struct Adopted<F> {
        #[pin]
        future: Option<F>,
        seat: Seat,
        _unit: OtherUnit,
    }
}

impl<F: Future<Output = ()>> Future for Adopted<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let node = Arc::clone(&this.seat.node);
        node.set_host(cx.waker());
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                current::enter(&node, || future.poll(cx))
            }));
            if matches!(polled, Ok(Poll::Pending)) {
                return Poll::Pending;
            }
            let dropped = catch_unwind(AssertUnwindSafe(|| {
                current::enter(&node, || this.future.set(None))
            }));
            for payload in [polled.err(), dropped.err()].into_iter().flatten() {
                report::unhandled(&TaskError::panicked(
                    node.name.clone(),
                    node.location,
                    payload,
                ));
            }
        }
        // What the cleanup left behind in its turn is waited for as well.
        if node.try_close() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

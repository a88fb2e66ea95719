//! [`shield`]: a section that is not cancelled from outside (G4).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::task::engine::{Arc, Node, node};

/// Runs `future` to its end, whatever is asked of the task, group or timed block that it is part of. Requests are counted meanwhile
/// ([`cancelled()`](super::cancelled) shows them), and are delivered at the next suspension point after the outermost shield. The value of
/// `future` is returned as it is, so a `return Err(Cancelled)` inside passes through undelayed.
///
/// What is *inside* is not shielded from itself: a timeout or a group within `future` is cancelled as always.
///
/// # Cancel safety
///
/// Dropping it drops `future`: no future can be shielded from being dropped, by `tokio::time::timeout` or `select!` say. Use
/// [`timeout`](crate::timeout) of this library, which asks.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{TaskGroup, shield};
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
///
/// let saved = Arc::new(AtomicBool::new(false));
/// let flag = saved.clone();
/// TaskGroup::scope(async |tg| {
///     let task = tg.spawn(shield(async move {
///         tokio::task::yield_now().await;
///         flag.store(true, Ordering::Relaxed);
///     }));
///     tokio::task::yield_now().await;
///     task.cancel();
///     Ok(())
/// }).await.unwrap();
/// assert!(saved.load(Ordering::Relaxed));
/// # });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield {
        hold: Hold {
            node: None,
            opened: false,
        },
        future: Some(future),
    }
}

pin_project! {
    /// The future of [`shield`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Shield<F> {
        #[pin]
        future: Option<F>,
        // After the future: what that drops is dropped under the shield.
        hold: Hold,
    }
}

struct Hold {
    node: Option<Arc<Node>>,
    opened: bool,
}

impl Hold {
    fn open(&mut self) {
        if !std::mem::replace(&mut self.opened, true)
            && let Some(node) = node()
        {
            node.hold();
            self.node = Some(node);
        }
    }

    fn close(&mut self) {
        if let Some(node) = self.node.take() {
            node.release();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.close();
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.hold.open();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("`shield` was polled after its end");
        let Poll::Ready(value) = future.poll(cx) else {
            return Poll::Pending;
        };
        this.future.set(None);
        this.hold.close();
        Poll::Ready(value)
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield")
            .field("holds", &self.hold.node.is_some())
            .finish_non_exhaustive()
    }
}

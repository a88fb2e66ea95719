//! [`cancelled`]: how code that is asked to end hears of it before it is cut.

use std::{future::poll_fn, task::Poll};

use super::reason::CancelReason;
use crate::task::engine::{Waiting, is_cancelled as current_is_cancelled, node};

/// Waits until this task, or a group, scope or timed block around this code, is asked to end, and gives the reason.
///
/// This is the first phase of a cancellation: a child of a group with a `grace` has that long to wind down after this
/// resolves. Without a grace there is no time between the two, except inside a [`shield`](super::shield), where this shows requests
/// that are held back. Outside of every task and group of this library it never resolves.
///
/// # Cancel safety
///
/// It can be dropped and made anew at any time.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::{TaskGroup, cancelled};
///
/// TaskGroup::builder().grace(Duration::from_secs(5)).scope(async |tg| {
///     let worker = tg.spawn_infallible(async { cancelled().await.to_string() });
///     tokio::task::yield_now().await;
///     worker.cancel_with("closing time");
///     assert_eq!(worker.await?, "closing time");
///     Ok(())
/// }).await.unwrap();
/// # });
/// ```
pub async fn cancelled() -> CancelReason {
    let Some(here) = node() else {
        return std::future::pending().await;
    };
    let mut waiting = Waiting::default();
    poll_fn(|cx| {
        // Before the look, so that no request is missed.
        waiting.watch(here.root(), cx.waker());
        match here.any_request() {
            Some(asked) => Poll::Ready(asked.reason()),
            None => Poll::Pending,
        }
    })
    .await
}

/// Whether this task, or a group, scope or timed block around this code in the same task, was asked to end: one atomic load for each of
/// those, and no lock.
pub fn is_cancelled() -> bool {
    current_is_cancelled()
}

//! [`move_on_after`]: a scope with a deadline that is no error.

use std::{future::Future, time::Duration};

use crate::{lazy::lazy, task::TaskScope};

/// Runs `body` with a [`TaskScope`] for at most this long: `Some` value of the body, or `None` when the deadline passed first. Then the
/// body has been cut, the children have been cancelled, and all of them have ended.
///
/// A timeout error of the body's own is a value like any other. But a scope that is closed ([`TaskScope::aclose`]) before its body has
/// a value gives `None` too; where the difference matters, `TaskScope::builder().timeout(..)` has an error that tells it.
///
/// # Panics
///
/// As [`TaskScope::scope`].
///
/// # Cancel safety
///
/// As [`TaskScope::scope`].
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::move_on_after;
/// use tokio::time::sleep;
///
/// let quick = move_on_after(Duration::from_secs(1), async |_| 1).await;
/// let slow = move_on_after(Duration::from_secs(1), async |_| sleep(Duration::from_secs(2)).await).await;
/// assert_eq!((quick, slow), (Some(1), None));
/// # });
/// ```
#[track_caller]
pub fn move_on_after<R, F>(limit: Duration, body: F) -> impl Future<Output = Option<R>>
where
    F: AsyncFnOnce(TaskScope) -> R,
{
    let scope = TaskScope::builder().timeout(limit).scope(body);
    lazy(scope, |scope| (scope, ()), |(), result| result.ok())
}

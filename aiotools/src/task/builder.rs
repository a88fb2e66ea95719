//! [`GroupBuilder`]: a group with a name, a deadline, a grace, a limit.

use std::{future::Future, panic::Location, sync::Arc, time::Duration};

use super::{
    error::{BoxError, TaskGroupError},
    group::{self, TaskGroup},
};

/// A group before it starts. Made by [`TaskGroup::builder`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::TaskGroup;
///
/// let late = TaskGroup::builder()
///     .name("crawl")
///     .timeout(Duration::from_secs(30))
///     .max_concurrency(8)
///     .scope(async |tg| {
///         let _ = tg.spawn(tokio::time::sleep(Duration::from_secs(60)));
///         Ok(())
///     })
///     .await
///     .unwrap_err();
/// assert!(late.is_timeout());
/// # });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `scope`"]
pub struct GroupBuilder {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) inherit_span: bool,
}

impl GroupBuilder {
    /// The name of the group, for errors and for [`dump`](super::dump()).
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(name.as_ref().into());
        self
    }

    /// Cancels the group this long after it started, if it has not ended by then; its error says [`is_timeout`](TaskGroupError::is_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long a cancelled child may go on: it can wait for [`cancelled()`](crate::cancelled) and wind down, and is cut after this.
    /// The default is not at all.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// How many children run at once, at most. The others wait for their start in the order of their spawns; `spawn` itself never waits.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "a group with a limit of 0 would never run a child"
        );
        self.max_concurrency = Some(limit);
        self
    }

    /// Polls each child in the `tracing` span that was current where it was spawned.
    pub fn inherit_span(mut self, inherit: bool) -> Self {
        self.inherit_span = inherit;
        self
    }

    /// Runs `body` with the group, as [`TaskGroup::scope`] does.
    ///
    /// # Errors
    ///
    /// As [`TaskGroup::scope`].
    ///
    /// # Cancel safety
    ///
    /// As [`TaskGroup::scope`].
    #[track_caller]
    pub fn scope<R, F>(self, body: F) -> impl Future<Output = Result<R, TaskGroupError>>
    where
        F: AsyncFnOnce(TaskGroup) -> Result<R, BoxError>,
    {
        group::run(self, Location::caller(), body)
    }
}

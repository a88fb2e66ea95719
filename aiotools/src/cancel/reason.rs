//! Why something was cancelled: [`CancelReason`], and [`Cancelled`], the value that says that it was.

use std::{error::Error, fmt, sync::Arc};

/// Why a cancellation was requested.
///
/// Compared with `CancellationToken`, which only says *that* it was cancelled, a request keeps who asked, and the text
/// that came with it.
///
/// ```
/// use aiotools::CancelReason;
///
/// let reason = CancelReason::from("shutting down");
/// assert_eq!(reason.message(), Some("shutting down"));
/// assert_eq!(reason.to_string(), "shutting down");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CancelReason {
    kind: ReasonKind,
    message: Option<Arc<Box<str>>>,
}

/// Who asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReasonKind {
    /// `cancel()` or `cancel_with(..)` by somebody.
    Requested,
    /// A member of the same group failed.
    Failure,
    /// A deadline passed.
    Timeout,
    /// The future that owned the children was dropped, or their object was.
    Dropped,
    /// The winner of a race is known, or the consumer of a stream has closed it.
    NotNeeded,
    /// The runtime went away.
    Shutdown,
    /// The task ended itself with `Err(Cancelled)`.
    Itself,
}

impl CancelReason {
    /// A request with a text.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ReasonKind::Requested,
            message: Some(Arc::new(message.into().into_boxed_str())),
        }
    }

    pub(crate) const fn of(kind: ReasonKind) -> Self {
        Self {
            kind,
            message: None,
        }
    }

    /// The text that came with the request, if any.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref().map(|text| &**text)
    }

    /// The text that came with the request, or else a general one for its kind.
    pub fn as_str(&self) -> &str {
        self.message().unwrap_or(match self.kind {
            ReasonKind::Requested => "cancelled on request",
            ReasonKind::Failure => "a member of the group failed",
            ReasonKind::Timeout => "the deadline passed",
            ReasonKind::Dropped => "its owner was dropped",
            ReasonKind::NotNeeded => "the result is no longer needed",
            ReasonKind::Shutdown => "the runtime is shutting down",
            ReasonKind::Itself => "the task cancelled itself",
        })
    }

    /// Somebody asked, by `cancel()` or `cancel_with(..)`.
    pub fn is_requested(&self) -> bool {
        self.kind == ReasonKind::Requested
    }

    /// Another member of the group failed.
    pub fn is_failure(&self) -> bool {
        self.kind == ReasonKind::Failure
    }

    /// A deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.kind == ReasonKind::Timeout
    }

    /// The future or the object that owned the task was dropped.
    pub fn is_dropped(&self) -> bool {
        self.kind == ReasonKind::Dropped
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancelReason({:?}, {:?})", self.kind, self.as_str())
    }
}

impl Default for CancelReason {
    /// A request without a text.
    fn default() -> Self {
        Self::of(ReasonKind::Requested)
    }
}

impl From<&str> for CancelReason {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for CancelReason {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl PartialEq<str> for CancelReason {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for CancelReason {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// The cancellation itself, as an error value.
///
/// [`catch_cancel`](crate::catch_cancel) gives it when a request was delivered. A task, or the body of a group, that
/// *ends* with it counts as cancelled, not as failed; so `?` after the cleanup is all that is needed to pass it on,
/// and `return Err(Cancelled::default().into())` is how a task cancels itself.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{Cancelled, TaskGroup};
///
/// let ended = TaskGroup::scope(async |_| -> Result<(), aiotools::BoxError> {
///     Err(Cancelled::default().into())
/// }).await;
/// assert!(ended.unwrap_err().is_cancelled());
/// # });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cancelled {
    reason: CancelReason,
}

impl Cancelled {
    /// A cancellation for this reason.
    pub fn new(reason: impl Into<CancelReason>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// Why.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }
}

impl Default for Cancelled {
    /// The task cancels itself.
    fn default() -> Self {
        Self {
            reason: CancelReason::of(ReasonKind::Itself),
        }
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled: {}", self.reason)
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancelled({:?})", self.reason.as_str())
    }
}

impl Error for Cancelled {}

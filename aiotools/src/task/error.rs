//! What goes wrong in tasks: [`TaskError`] for one, [`TaskGroupError`] for a group, [`ScopeError`] for a scope.

use std::{any::Any, error::Error, fmt, panic::Location, sync::Arc};

use super::{meta::location_name, sync::Mutex};
use crate::cancel::{CancelReason, Cancelled};

/// Any error that can cross threads; `?` turns every ordinary error into it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// How one task ended, when it did not end well: it failed, panicked, was cancelled, or was never accepted.
///
/// It is cheap to clone, and clones of one error are recognised: an error that a body took from a handle and passes
/// on with `?` is not counted twice by the group.
#[derive(Clone)]
pub struct TaskError(Repr);

#[derive(Clone)]
enum Repr {
    Full(Arc<Full>),
    /// The cheap form, since there may be a hundred thousand of them at once.
    Cancelled {
        location: &'static Location<'static>,
        reason: CancelReason,
    },
}

/// All that is known of how a task ended.
pub(crate) struct Full {
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    kind: Kind,
}

enum Kind {
    Failed(BoxError),
    Panicked {
        text: Option<String>,
        payload: Mutex<Option<Box<dyn Any + Send>>>,
    },
    Cancelled(CancelReason),
    Refused,
}

impl From<Arc<Full>> for TaskError {
    fn from(full: Arc<Full>) -> Self {
        Self(Repr::Full(full))
    }
}

impl TaskError {
    fn full(name: Option<Arc<str>>, location: &'static Location<'static>, kind: Kind) -> Self {
        Self(Repr::Full(Arc::new(Full {
            name,
            location,
            kind,
        })))
    }

    pub(crate) fn failed(
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        error: BoxError,
    ) -> Self {
        match error.downcast::<TaskError>() {
            // Taken from a sibling's handle and passed on: still the sibling's error.
            Ok(error) => *error,
            Err(error) => match cancellation(&error) {
                Some(reason) => Self::cancelled(name, location, reason),
                None => Self::full(name, location, Kind::Failed(error)),
            },
        }
    }

    pub(crate) fn panicked(
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        payload: Box<dyn Any + Send>,
    ) -> Self {
        let text = payload
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self::full(
            name,
            location,
            Kind::Panicked {
                text,
                payload: Mutex::new(Some(payload)),
            },
        )
    }

    pub(crate) fn cancelled(
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        reason: CancelReason,
    ) -> Self {
        match name {
            None => Self(Repr::Cancelled { location, reason }),
            Some(_) => Self::full(name, location, Kind::Cancelled(reason)),
        }
    }

    pub(crate) fn refused(name: Option<Arc<str>>, location: &'static Location<'static>) -> Self {
        Self::full(name, location, Kind::Refused)
    }

    /// In the form in which it leaves a task.
    pub(super) fn into_full(self) -> Arc<Full> {
        match self.0 {
            Repr::Full(full) => full,
            Repr::Cancelled { location, reason } => Arc::new(Full {
                name: None,
                location,
                kind: Kind::Cancelled(reason),
            }),
        }
    }

    fn kind(&self) -> Option<&Kind> {
        match &self.0 {
            Repr::Full(full) => Some(&full.kind),
            Repr::Cancelled { .. } => None,
        }
    }

    /// The name that the task was given, or else the place where it was spawned (`src/main.rs:12:9`).
    pub fn name(&self) -> &str {
        match &self.0 {
            Repr::Full(full) => full
                .name
                .as_deref()
                .unwrap_or_else(|| location_name(full.location)),
            Repr::Cancelled { location, .. } => location_name(location),
        }
    }

    /// Where the task was spawned.
    pub fn location(&self) -> &'static Location<'static> {
        match &self.0 {
            Repr::Full(full) => full.location,
            Repr::Cancelled { location, .. } => location,
        }
    }

    /// The task returned `Err`.
    pub fn is_failed(&self) -> bool {
        matches!(self.kind(), Some(Kind::Failed(_)))
    }

    /// The task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind(), Some(Kind::Panicked { .. }))
    }

    /// The task was cancelled, or ended itself with [`Cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.cancel_reason().is_some()
    }

    /// The task was never started: its group had already ended.
    pub fn is_refused(&self) -> bool {
        matches!(self.kind(), Some(Kind::Refused))
    }

    /// Why it was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<&CancelReason> {
        match &self.0 {
            Repr::Cancelled { reason, .. } => Some(reason),
            Repr::Full(full) => match &full.kind {
                Kind::Cancelled(reason) => Some(reason),
                _ => None,
            },
        }
    }

    /// The error that the task returned.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self.kind() {
            Some(Kind::Failed(error)) => Some(&**error),
            _ => None,
        }
    }

    /// The error that the task returned, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error()?.downcast_ref::<E>()
    }

    /// Whether the task returned an `E`.
    pub fn is<E: Error + 'static>(&self) -> bool {
        self.downcast_ref::<E>().is_some()
    }

    /// The text of the panic, if there was one and it had a text.
    pub fn panic_message(&self) -> Option<&str> {
        match self.kind() {
            Some(Kind::Panicked { text, .. }) => text.as_deref(),
            _ => None,
        }
    }

    /// Takes what the task panicked with, for [`std::panic::resume_unwind`]. It is there once, for all clones together.
    pub fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        match self.kind() {
            Some(Kind::Panicked { payload, .. }) => super::sync::lock(payload).take(),
            _ => None,
        }
    }

    /// The same for all clones of one error, and for them only. None for a plain cancellation, of which there may be many alike.
    pub(crate) fn identity(&self) -> Option<usize> {
        match &self.0 {
            Repr::Full(full) => Some(Arc::as_ptr(full).addr()),
            Repr::Cancelled { .. } => None,
        }
    }
}

/// The reason, if this error is a cancellation that is being passed on and nothing else.
pub(crate) fn cancellation(error: &BoxError) -> Option<CancelReason> {
    if let Some(cancelled) = error.downcast_ref::<Cancelled>() {
        return Some(cancelled.reason().clone());
    }
    if let Some(error) = error.downcast_ref::<TaskError>() {
        return error.cancel_reason().cloned();
    }
    if let Some(error) = error.downcast_ref::<TaskGroupError>() {
        return error.only_cancelled().cloned();
    }
    match error.downcast_ref::<ScopeError>() {
        Some(error) if error.is_cancelled() => Some(error.reason.clone()),
        _ => None,
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` ", self.name())?;
        match self.kind() {
            None | Some(Kind::Cancelled(_)) => {
                let reason = self.cancel_reason().map_or("", CancelReason::as_str);
                write!(f, "was cancelled: {reason}")
            }
            Some(Kind::Failed(error)) => write!(f, "failed: {error}"),
            Some(Kind::Panicked { text, .. }) => {
                write!(f, "panicked: {}", text.as_deref().unwrap_or("(no text)"))
            }
            Some(Kind::Refused) => f.write_str("was refused: its group has already ended"),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskError({self})")
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.kind() {
            Some(Kind::Failed(error)) => Some(&**error),
            _ => None,
        }
    }
}

/// How a group ended, when it did not end well: every failure in the order of occurrence, and whether it was cancelled or
/// ran out of time.
pub struct TaskGroupError {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) errors: Vec<TaskError>,
    pub(crate) cancelled: Option<CancelReason>,
    pub(crate) timed_out: bool,
}

impl TaskGroupError {
    /// Every failure and every panic, of the children and of the body, in the order of occurrence. Tasks that were cancelled are
    /// no failures. Empty if the group was only cancelled, or only ran out of time.
    pub fn errors(&self) -> &[TaskError] {
        &self.errors
    }

    /// Takes the failures out.
    pub fn into_errors(self) -> Vec<TaskError> {
        self.errors
    }

    /// The first failure that is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.errors.iter().find_map(TaskError::downcast_ref)
    }

    /// The group was cancelled: by `cancel()`, or because its body ended with [`Cancelled`]. The cancellation of the others that
    /// follows a failure does not count, and neither does the group's own timeout.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_some()
    }

    /// The group's own deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.timed_out
    }

    /// Why the group was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<&CancelReason> {
        self.cancelled.as_ref()
    }

    fn only_cancelled(&self) -> Option<&CancelReason> {
        if self.errors.is_empty() && !self.timed_out {
            self.cancelled.as_ref()
        } else {
            None
        }
    }
}

impl fmt::Display for TaskGroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task group ")?;
        if let Some(name) = &self.name {
            write!(f, "`{name}` ")?;
        }
        match (&self.errors[..], self.timed_out, &self.cancelled) {
            ([], true, _) => f.write_str("timed out"),
            ([], false, Some(reason)) => write!(f, "was cancelled: {reason}"),
            ([], false, None) => f.write_str("ended without a value"),
            ([one], timed_out, _) => {
                f.write_str(if timed_out {
                    "timed out and failed: "
                } else {
                    "failed: "
                })?;
                write!(f, "{one}")
            }
            (many, timed_out, _) => {
                let timed_out = if timed_out { "timed out and " } else { "" };
                write!(
                    f,
                    "{timed_out}failed with {} errors, the first: {}",
                    many.len(),
                    many[0]
                )
            }
        }
    }
}

impl fmt::Debug for TaskGroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroupError")
            .field("name", &self.name.as_deref())
            .field("errors", &self.errors)
            .field(
                "cancelled",
                &self.cancelled.as_ref().map(CancelReason::as_str),
            )
            .field("timed_out", &self.timed_out)
            .finish()
    }
}

impl Error for TaskGroupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|first| first as _)
    }
}

/// Why a scope has no value to give: its deadline passed, or it was closed, before its body was done.
#[derive(Debug, Clone)]
pub struct ScopeError {
    pub(crate) reason: CancelReason,
}

impl ScopeError {
    /// The scope's own deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.reason.is_timeout()
    }

    /// The scope was closed by `aclose()`.
    pub fn is_cancelled(&self) -> bool {
        !self.is_timeout()
    }

    /// Why.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_timeout() {
            f.write_str("task scope timed out")
        } else {
            write!(f, "task scope was cancelled: {}", self.reason)
        }
    }
}

impl Error for ScopeError {}

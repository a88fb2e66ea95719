//! [`Fault`]: how a task did not end well, in the form in which it leaves the task.

use std::{panic::Location, sync::Arc};

use super::{
    error::{Full, TaskError},
    rare::Rare,
};
use crate::cancel::CancelReason;

/// A [`TaskError`] in one word, so that what a task ends with travels in registers, and a hundred thousand that are cancelled at once
/// allocate nothing.
pub(crate) enum Fault {
    Error(Rare<Arc<Full>>),
    /// It was cancelled with its whole group, and nobody had given it a name: where and why, its handle and its group know.
    Cancelled,
}

impl Fault {
    /// The error, with what the fault itself does not know.
    pub(super) fn into_error(
        self,
        location: &'static Location<'static>,
        reason: impl FnOnce() -> CancelReason,
    ) -> TaskError {
        match self {
            Self::Error(full) => full.into_inner().into(),
            Self::Cancelled => TaskError::cancelled(None, location, reason()),
        }
    }
}

impl From<TaskError> for Fault {
    fn from(error: TaskError) -> Self {
        Self::Error(Rare::new(error.into_full()))
    }
}

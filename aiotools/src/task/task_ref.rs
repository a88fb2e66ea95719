//! [`TaskRef`]: the current task, seen from inside.

use std::fmt;

use super::{
    current as thread,
    node::{Kind, Node},
    sync::Arc,
};
use crate::cancel::CancelReason;

/// The current task, seen from inside. See [`current`].
#[derive(Clone)]
pub struct TaskRef {
    node: Arc<Node>,
}

/// The task of a group or scope that is running this code; none in code that no group has started.
pub fn current() -> Option<TaskRef> {
    let node = thread::node()?;
    let root = node.root();
    (root.kind == Kind::Task).then(|| TaskRef {
        node: Arc::clone(root),
    })
}

impl TaskRef {
    /// The name that the task was given, or else the place where it was spawned.
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// How many requests to end it were made and not taken back.
    pub fn cancelling(&self) -> usize {
        self.node.control().requests()
    }

    /// Takes one request back; gives how many are left. A task that has caught a request and means to go on says so by this.
    pub fn uncancel(&self) -> usize {
        self.node.uncancel()
    }

    /// Asks the task to end, at its next suspension point.
    pub fn cancel(&self) {
        self.node.request(&CancelReason::default(), true);
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        self.node.request(&reason.into(), true);
    }

    /// Why it was asked to end, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        (self.cancelling() > 0).then(|| self.node.reason())
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRef")
            .field("name", &self.name())
            .field("cancelling", &self.cancelling())
            .finish_non_exhaustive()
    }
}

//! What `cancel_and_wait` says: [`CancelError`], [`CancelErrors`], and how one target is waited for.

use std::{
    error::Error,
    fmt,
    task::{Context, Poll},
};

use super::reason::CancelReason;
use crate::task::{
    Outcome, TaskError,
    engine::{Arc, Ended, Node, Wait, Waiting, lock, node},
};

/// Why [`cancel_and_wait`](super::cancel_and_wait) could not simply end its target.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CancelError {
    /// The task caught the request and ended normally, without taking it back (`uncancel`).
    NotHonoured,
    /// The task was cancelled, but not only by this call: so many requests had been made in the end.
    AlsoCancelledElsewhere {
        /// All requests, this call's among them.
        requests: usize,
    },
    /// The caller would have waited for itself: the target is the current task, or something around it, or something in it waits for the
    /// caller.
    SelfCancel,
    /// The task failed, or panicked, while it was being cancelled.
    Failed(TaskError),
}

impl CancelError {
    /// The failure of the task, if that is what it is.
    pub fn task_error(&self) -> Option<&TaskError> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The task caught the request and ended normally.
    pub fn is_not_honoured(&self) -> bool {
        matches!(self, Self::NotHonoured)
    }

    /// The caller would have waited for itself.
    pub fn is_self_cancel(&self) -> bool {
        matches!(self, Self::SelfCancel)
    }
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHonoured => f.write_str(
                "the task ended normally in spite of the request, without taking it back",
            ),
            Self::AlsoCancelledElsewhere { requests } => {
                write!(
                    f,
                    "the task was also cancelled by somebody else ({requests} requests)"
                )
            }
            Self::SelfCancel => f.write_str("a task cannot cancel itself and wait for that"),
            Self::Failed(error) => {
                write!(f, "the task failed while it was being cancelled: {error}")
            }
        }
    }
}

impl Error for CancelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// What went wrong with several targets: each error with the index of its target.
#[derive(Clone, Debug)]
pub struct CancelErrors {
    pub(crate) errors: Vec<(usize, CancelError)>,
}

impl CancelErrors {
    /// The errors in the order of the targets, each with the index of its target.
    pub fn errors(&self) -> &[(usize, CancelError)] {
        &self.errors
    }

    /// Takes the errors out.
    pub fn into_errors(self) -> Vec<(usize, CancelError)> {
        self.errors
    }
}

impl fmt::Display for CancelErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tasks could not simply be cancelled",
            self.errors.len()
        )?;
        self.errors.first().map_or(Ok(()), |(index, error)| {
            write!(f, ", the first (number {index}): {error}")
        })
    }
}

impl Error for CancelErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|(_, error)| error as _)
    }
}

/// One task that is being cancelled and waited for.
///
/// While it waits it is a link in the chain of cancellation (M4): a request on the waiting task is held back, one more
/// request goes to the target, and the waiter is cut only when the target has ended.
pub(crate) struct Target {
    node: Arc<Node>,
    /// The node of the one who waits, where there is one.
    waiter: Option<Arc<Node>>,
    wait: Option<Wait>,
    at_target: Waiting,
    at_waiter: Waiting,
    /// Requests that this call knows of.
    expected: usize,
    /// Requests on the nodes around the waiter that have been passed on.
    forwarded: Vec<(Arc<Node>, usize)>,
    holding: bool,
}

impl Target {
    /// Makes the request. `Err` if the caller would wait for itself.
    pub(crate) fn request(
        node: Arc<Node>,
        ask: impl FnOnce(&Arc<Node>),
    ) -> Result<Self, CancelError> {
        let waiter = self::node();
        let wait = match &waiter {
            Some(waiter) => Some(Wait::begin(waiter, &node).ok_or(CancelError::SelfCancel)?),
            None => None,
        };
        let expected = node.control().requests() + 1;
        ask(&node);
        Ok(Self {
            node,
            waiter,
            wait,
            at_target: Waiting::default(),
            at_waiter: Waiting::default(),
            expected,
            forwarded: Vec::new(),
            holding: false,
        })
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Passes on what is asked of the waiter.
    fn forward(&mut self) {
        let Some(waiter) = &self.waiter else { return };
        let asked = std::iter::once(waiter)
            .chain(waiter.outward())
            .find(|node| {
                let control = node.control();
                let known = self
                    .forwarded
                    .iter()
                    .find(|(known, _)| Arc::ptr_eq(known, node))
                    .map_or(0, |(_, n)| *n);
                // The first has to be deliverable; those that come while it is held here by us follow it.
                control.requests() > known && (control.deliverable() || known > 0)
            });
        let Some(asked) = asked.cloned() else { return };
        let requests = asked.control().requests();
        self.forwarded
            .retain(|(known, _)| !Arc::ptr_eq(known, &asked));
        self.forwarded.push((Arc::clone(&asked), requests));
        if !std::mem::replace(&mut self.holding, true) {
            waiter.hold();
        }
        self.expected += 1;
        let reason: CancelReason = asked.reason();
        self.node.request(&reason, true);
    }

    /// Polls until the target has ended. `finished` says whether it has, where its node was never told.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        finished: impl Fn() -> bool,
    ) -> Poll<Result<Outcome, CancelError>> {
        self.at_target.watch(&self.node, cx.waker());
        if let Some(waiter) = &self.waiter {
            self.at_waiter.watch(waiter.root(), cx.waker());
        }
        let ended = {
            let closed = self.node.is_closed() || self.node.is_orphaned();
            lock(&self.node.inner)
                .ended
                .as_deref()
                .cloned()
                .filter(|_| closed)
        };
        if ended.is_none() && !finished() {
            self.forward();
            if !self.node.is_claimed() {
                // The task is just running, or has yet to run for the first time, and has not seen that it has a node.
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        if !finished() {
            // It has ended, and the runtime is just about to say so.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let interrupted = self.holding;
        self.stop();
        if interrupted {
            // It is the one around us that is cut.
            return Poll::Pending;
        }
        Poll::Ready(self.judge(ended))
    }

    fn judge(&self, ended: Option<Ended>) -> Result<Outcome, CancelError> {
        let Some(ended) = ended else {
            return Ok(Outcome::Done);
        };
        match ended.outcome {
            Outcome::Done if ended.ignored_request => Err(CancelError::NotHonoured),
            Outcome::Cancelled if ended.requests > self.expected => {
                Err(CancelError::AlsoCancelledElsewhere {
                    requests: ended.requests,
                })
            }
            Outcome::Failed | Outcome::Panicked => match ended.error {
                Some(error) => Err(CancelError::Failed(error)),
                None => Ok(ended.outcome),
            },
            outcome => Ok(outcome),
        }
    }

    fn stop(&mut self) {
        if let Some(waiter) = &self.waiter
            && std::mem::replace(&mut self.holding, false)
        {
            waiter.release();
        }
        self.wait = None;
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop();
    }
}

//! [`TaskHandle`]: one child, seen from outside.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use tokio::task::{JoinError, JoinHandle};

use super::{
    error::TaskError,
    family::Family,
    fault::Fault,
    meta::location_name,
    node::{Control, Kind, Node},
    rare::Rare,
    sync::Arc,
};
use crate::cancel::{CancelReason, ReasonKind};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It returned a value.
    Done,
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It was cancelled.
    Cancelled,
}

/// What is kept of the end of a task for those who wait for it without its result.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<TaskError>,
    /// It returned normally although a request had been delivered to it, and it took none back.
    pub(crate) ignored_request: bool,
    pub(crate) requests: usize,
}

impl Ended {
    pub(crate) fn of(result: Result<(), &TaskError>, control: Control) -> Self {
        let requests = control.requests();
        match result {
            Ok(()) => Self {
                outcome: Outcome::Done,
                error: None,
                ignored_request: requests > 0 && control.delivered_once(),
                requests,
            },
            Err(error) => Self {
                outcome: outcome_of(error),
                error: Some(error.clone()),
                ignored_request: false,
                requests,
            },
        }
    }
}

fn outcome_of(error: &TaskError) -> Outcome {
    if error.is_cancelled() || error.is_refused() {
        Outcome::Cancelled
    } else if error.is_panic() {
        Outcome::Panicked
    } else {
        Outcome::Failed
    }
}

/// A child of a group or scope, seen from outside. Await it for the child's value.
///
/// Dropping the handle detaches the handle, not the child: the child stays a member of its group, and its failure is
/// still the group's failure. The handle may outlive the group.
///
/// Compared with tokio's `JoinHandle`, the error says which task it was and what it returned, [`cancel`](Self::cancel) is a
/// request that the task may clean up after, and awaiting it never panics.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the result stays in the handle until it is taken.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::TaskGroup;
///
/// let sum = TaskGroup::scope(async |tg| {
///     let a = tg.spawn(async { Ok::<_, std::io::Error>(1) });
///     let b = tg.spawn_infallible(async { 2 });
///     Ok(a.await? + b.await?)
/// }).await.unwrap();
/// assert_eq!(sum, 3);
/// # });
/// ```
pub struct TaskHandle<T> {
    join: Option<JoinHandle<Result<T, Fault>>>,
    pub(crate) group: Arc<Node>,
    location: &'static Location<'static>,
    seq: u32,
    extra: Option<Rare<Box<Extra<T>>>>,
}

/// What few handles have; apart, to keep the others small.
struct Extra<T> {
    name: Option<std::sync::Arc<str>>,
    /// The result, where somebody looked at it before it was awaited. The mutex is never locked: it makes a shared handle harmless.
    result: Mutex<Option<Result<T, TaskError>>>,
}

impl<T> Extra<T> {
    #[cold]
    fn new(
        name: Option<std::sync::Arc<str>>,
        result: Option<Result<T, TaskError>>,
    ) -> Rare<Box<Self>> {
        let result = Mutex::new(result);
        Rare::new(Box::new(Self { name, result }))
    }
}

impl<T> Unpin for TaskHandle<T> {}

impl<T> TaskHandle<T> {
    #[inline]
    pub(crate) fn new(
        join: JoinHandle<Result<T, Fault>>,
        group: Arc<Node>,
        seq: u32,
        location: &'static Location<'static>,
        name: Option<std::sync::Arc<str>>,
    ) -> Self {
        let extra = name.map(|name| Extra::new(Some(name), None));
        Self {
            join: Some(join),
            group,
            location,
            seq,
            extra,
        }
    }

    pub(crate) fn refused(
        group: Arc<Node>,
        location: &'static Location<'static>,
        name: Option<std::sync::Arc<str>>,
    ) -> Self {
        let refused = TaskError::refused(name.clone(), location);
        Self {
            join: None,
            group,
            location,
            seq: 0,
            extra: Some(Extra::new(name, Some(Err(refused)))),
        }
    }

    fn given_name(&self) -> Option<&std::sync::Arc<str>> {
        self.extra.as_ref()?.name.as_ref()
    }

    pub(crate) fn seq(&self) -> u32 {
        self.seq
    }

    /// The name that the task was given, or else the place where it was spawned (`src/main.rs:12:9`).
    pub fn name(&self) -> &str {
        match self.given_name() {
            Some(name) => name,
            None => location_name(self.location),
        }
    }

    /// Where the task was spawned.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Whether the task has ended, with all that it started.
    pub fn is_finished(&self) -> bool {
        // A group that has ended has no task left, even where the runtime has not yet said so.
        self.join.as_ref().is_none_or(|join| join.is_finished()) || self.group.is_closed()
    }

    /// Asks the task to end. A task that has not run yet never will; one that waits is cut at its next suspension point, or
    /// in its innermost [`catch_cancel`](crate::catch_cancel) region; one in a [`shield`](crate::shield) after that. In a group with a
    /// `grace`, that long later.
    ///
    /// Requests are counted ([`cancelling`](Self::cancelling)). A task that has ended does not change.
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::of(ReasonKind::Requested));
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        if let Some(node) = self.node() {
            self.request(&node, &reason.into());
        }
    }

    pub(crate) fn request(&self, node: &Arc<Node>, reason: &CancelReason) {
        let Some(family) = &self.group.family else {
            return;
        };
        if family.grace.is_zero() || matches!(self.group.kind, Kind::Context | Kind::Timer) {
            node.request(reason, true);
        } else {
            node.request(reason, node.control().hard());
            family.time_grace(Arc::clone(node));
            self.group.wake();
        }
    }

    /// The node of the task, made if it had none; none if the task has ended.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        if self.is_finished() {
            return None;
        }
        let family = self.group.family.as_ref()?;
        let (node, waker) = family.node_for_handle(self.seq, || {
            Node::new(Kind::Task, Some(Arc::clone(&self.group)), self.location)
        });
        if let Some(waker) = waker {
            // The task learns of its node at its next poll.
            waker.wake();
        }
        Some(node)
    }

    /// How many requests to end the task has not taken back.
    pub fn cancelling(&self) -> usize {
        self.node().map_or(0, |node| node.control().requests())
    }

    /// Takes one request back; gives how many are left. A request that was not delivered yet is undone by it.
    pub fn uncancel(&self) -> usize {
        self.node().map_or(0, |node| node.uncancel())
    }

    fn stored(&mut self) -> Option<&mut Option<Result<T, TaskError>>> {
        let extra = self.extra.as_mut()?;
        Some(
            extra
                .result
                .get_mut()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        let Some(join) = &mut self.join else {
            panic!("a `TaskHandle` was awaited after it had given its result")
        };
        let Poll::Ready(joined) = Pin::new(join).poll(cx) else {
            return Poll::Pending;
        };
        self.join = None;
        Poll::Ready(match joined {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(fault)) => Err(self.error(fault)),
            Err(error) => Err(self.lost(error)),
        })
    }

    #[cold]
    fn error(&self, fault: Fault) -> TaskError {
        fault.into_error(self.location, || {
            let family = self.group.family.as_ref();
            family.map(Family::kids_reason).unwrap_or_default()
        })
    }

    /// The runtime took the task away.
    #[cold]
    fn lost(&self, error: JoinError) -> TaskError {
        let name = self.given_name().cloned();
        match error.try_into_panic() {
            Ok(payload) => TaskError::panicked(name, self.location, payload),
            Err(_) => {
                TaskError::cancelled(name, self.location, CancelReason::of(ReasonKind::Shutdown))
            }
        }
    }

    /// The result, if the task has ended, without taking it out of the handle.
    pub fn result(&mut self) -> Option<&Result<T, TaskError>> {
        if self.join.as_ref().is_some_and(JoinHandle::is_finished) {
            let mut look = std::pin::pin!(tokio::task::coop::unconstrained(std::future::poll_fn(
                |cx| self.poll_join(cx)
            )));
            let Poll::Ready(result) = look.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            else {
                return None;
            };
            let name = self.given_name().cloned();
            self.extra = Some(Extra::new(name, Some(result)));
        }
        self.stored()?.as_ref()
    }

    /// How the task ended, if it has.
    pub fn outcome(&mut self) -> Option<Outcome> {
        self.result().map(|result| match result {
            Ok(_) => Outcome::Done,
            Err(error) => outcome_of(error),
        })
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.stored().and_then(Option::take) {
            return Poll::Ready(result);
        }
        self.poll_join(cx)
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

//! [`TaskGroup`]: tasks that succeed or fail together.

use std::{fmt, future::Future, panic::Location, time::Duration};

use super::{
    builder::GroupBuilder,
    current,
    drive::{Drive, Ending, Options},
    error::{BoxError, TaskError, TaskGroupError, cancellation},
    family::{Family, Policy},
    handle::TaskHandle,
    node::{Kind, Node},
    output::TaskOutput,
    seat::Seat,
    spawner::Spawner,
};
use crate::{
    cancel::{CancelReason, ReasonKind},
    lazy::lazy,
};

/// A group of tasks that succeed or fail together, and that cannot outlive the block that started them.
///
/// [`TaskGroup::scope`] runs a block with a group; the value that the block gets is an owned, cloneable handle to it, which children
/// may keep to spawn siblings. The first failure (an `Err` or a panic of a child, or an `Err` of the body) cancels the
/// other children and the body, waits for all of them and their cleanup, and comes out as [`TaskGroupError`].
///
/// Compared with tokio's `JoinSet`: children can be spawned through a shared handle, no panic and no error is lost, the
/// children are not only aborted but waited for, and a spawn that comes too late is refused rather than lost.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::TaskGroup;
///
/// async fn fetch(n: u32) -> Result<u32, std::io::Error> {
///     if n > 2 { Err(std::io::Error::other("too big")) } else { Ok(n) }
/// }
///
/// let sum = TaskGroup::scope(async |tg| {
///     let a = tg.spawn(fetch(1));
///     let b = tg.spawn(fetch(2));
///     Ok(a.await? + b.await?)
/// }).await.unwrap();
/// assert_eq!(sum, 3);
///
/// let failed = TaskGroup::scope(async |tg| {
///     let _ = tg.spawn_named("the third", fetch(3));
///     std::future::pending::<Result<(), _>>().await          // cut as soon as the child has failed
/// }).await.unwrap_err();
/// assert_eq!(failed.errors()[0].name(), "the third");
/// assert!(failed.errors()[0].downcast_ref::<std::io::Error>().is_some());
/// # });
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    spawner: Spawner,
}

impl TaskGroup {
    pub(crate) fn from_spawner(spawner: Spawner) -> Self {
        Self { spawner }
    }

    /// Runs `body` with a new group, and ends when the body and everything that was started in it has ended.
    ///
    /// When this future is dropped, the body is dropped and the children are cancelled at once; the group around this one waits for them
    /// in its place, or, with none, [`cleanup::drain`](crate::cleanup::drain) does.
    ///
    /// # Panics
    ///
    /// If the body panics, the panic goes on after the children have been cancelled and have ended. When polled outside a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// If a child or the body failed; if the group was cancelled before its body had a value; if it ran out of time.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses the values of the body and of the children, and nothing else.
    #[track_caller]
    pub fn scope<R, F>(body: F) -> impl Future<Output = Result<R, TaskGroupError>>
    where
        F: AsyncFnOnce(TaskGroup) -> Result<R, BoxError>,
    {
        run(GroupBuilder::default(), Location::caller(), body)
    }

    /// A group with a name, a deadline, a grace, a limit.
    pub fn builder() -> GroupBuilder {
        GroupBuilder::default()
    }

    /// The innermost group or scope whose body or child is running this code.
    pub fn current() -> Option<TaskGroup> {
        Some(Self {
            spawner: Spawner::new(current::group()?)?,
        })
    }

    /// Starts a child. Its failure is the group's failure, whether or not the handle is kept.
    ///
    /// A group that has ended refuses: the child never runs, and the handle says so. A group that has been cancelled takes
    /// the child, as a cancelled one: it never runs either. When the runtime is shutting down, the child is dropped unrun.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> TaskHandle<<F::Output as TaskOutput>::Value>
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.spawner.spawn(None, future)
    }

    /// Starts a child with a name.
    #[track_caller]
    pub fn spawn_named<F>(
        &self,
        name: impl AsRef<str>,
        future: F,
    ) -> TaskHandle<<F::Output as TaskOutput>::Value>
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.spawner.spawn(Some(name.as_ref()), future)
    }

    /// Starts a child that cannot fail, whatever it returns (it can still panic).
    #[track_caller]
    pub fn spawn_infallible<F>(&self, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawner.spawn_plain(None, future)
    }

    /// Cancels the body and all children. The group then ends when they have; its result is the value of the body if it has one.
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::of(ReasonKind::Requested));
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        let node = self.spawner.node();
        if !node.is_closed() {
            node.cancel(&reason.into());
        }
    }

    /// Whether the group was cancelled, by whomever: one atomic load.
    pub fn is_cancelled(&self) -> bool {
        self.spawner.node().orders().soft()
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        self.spawner.len()
    }

    /// Whether all children have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the group has ended; it refuses children then.
    pub fn is_closed(&self) -> bool {
        self.spawner.node().is_closed()
    }

    /// The name that the group was given, or else the place where it was started (`src/main.rs:12:9`).
    pub fn name(&self) -> &str {
        self.spawner.node().name()
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn run<R, F>(
    builder: GroupBuilder,
    location: &'static Location<'static>,
    body: F,
) -> impl Future<Output = Result<R, TaskGroupError>>
where
    F: AsyncFnOnce(TaskGroup) -> Result<R, BoxError>,
{
    lazy(
        (builder, location, body),
        |(builder, location, body)| {
            let mut node = Node::new(Kind::Group, current::node(), location);
            node.name = builder.name;
            node.family = Some(Family::new(
                Policy::FailFast,
                builder.grace.unwrap_or(Duration::ZERO),
                builder.max_concurrency,
                builder.inherit_span,
            ));
            let seat = Seat::new(node);
            let node = super::sync::Arc::clone(&seat.node);
            let tg = TaskGroup::from_spawner(Spawner::here(&node));
            let options = Options {
                shield: false,
                cuts_body: true,
                timeout: builder.timeout,
            };
            let body = lazy((body, tg), |(body, tg)| (body(tg), ()), |(), result| result);
            (Drive::new(seat, body, judge, &options), node)
        },
        |node, ended| settle(&node, ended),
    )
}

/// Looks at what the body returned, where it ends, so that its failure cancels the children at once.
fn judge<R>(
    node: &super::sync::Arc<Node>,
    result: Result<R, BoxError>,
) -> Result<R, Option<CancelReason>> {
    result.map_err(|error| fail_body(node, error))
}

/// The body of a group returned an error.
fn fail_body(node: &super::sync::Arc<Node>, error: BoxError) -> Option<CancelReason> {
    let Some(family) = &node.family else {
        return None;
    };
    match cancellation(&error) {
        Some(reason) => {
            node.cancel(&reason);
            Some(reason)
        }
        None => {
            family.fail(
                node,
                TaskError::failed(node.name.clone(), node.location, error),
            );
            None
        }
    }
}

/// Turns what a group ended with into its result.
fn settle<R>(
    node: &Node,
    ended: super::drive::Ended<Result<R, Option<CancelReason>>>,
) -> Result<R, TaskGroupError> {
    let errors = node
        .family
        .as_ref()
        .map(Family::take_errors)
        .unwrap_or_default();
    let timed_out = ended.timed_out;
    let failed = |errors, cancelled| {
        Err(TaskGroupError {
            name: node.name.clone(),
            errors,
            cancelled,
            timed_out,
        })
    };
    match ended.body {
        Ending::Panicked(payload) => {
            errors.iter().for_each(super::report::unhandled);
            std::panic::resume_unwind(payload)
        }
        Ending::Value(Ok(value)) if errors.is_empty() && !timed_out => Ok(value),
        Ending::Value(Ok(_)) => failed(errors, None),
        Ending::Value(Err(reason)) => failed(errors, reason),
        Ending::Cut if !errors.is_empty() || timed_out => failed(errors, None),
        Ending::Cut => failed(errors, Some(node.reason())),
    }
}

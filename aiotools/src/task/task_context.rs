//! [`TaskContext`]: a scope as an object.

use std::{convert::Infallible, fmt, future::Future, panic::Location, time::Duration};

use super::{
    close::close,
    current,
    error::TaskError,
    family::{Family, Policy},
    handle::TaskHandle,
    node::{Kind, Node},
    output::TaskOutput,
    registry,
    report::Handler,
    spawner::Spawner,
    sync::Arc,
};
use crate::cancel::{CancelReason, ReasonKind};
use crate::context::AsyncClose;

/// A scope as an object, to be kept in a struct: children that do not stop each other, ended by [`close`](Self::close).
///
/// Dropped without `close`, it cancels its children; whoever is around the place of the drop waits for them, or else the process-wide
/// tracker.
///
/// Compared with [`TaskScope`](super::TaskScope), no block waits for its children, and nothing but `close`, `cancel` and its own drop
/// ends them: the cancellation of the task that made it does not reach them before it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::TaskContext;
///
/// struct Service { tasks: TaskContext }
///
/// let service = Service { tasks: TaskContext::new() };
/// let _ = service.tasks.spawn(std::future::pending::<()>());
/// assert_eq!(service.tasks.len(), 1);
/// service.tasks.close().await;
/// assert_eq!(service.tasks.len(), 0);
/// # });
/// ```
pub struct TaskContext {
    spawner: Spawner,
}

impl TaskContext {
    /// A context whose failures go to `tracing`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    #[expect(
        clippy::new_without_default,
        reason = "it needs a runtime, which a default should not"
    )]
    pub fn new() -> Self {
        Self::make(None, Handler::Trace, Location::caller())
    }

    /// A context with a name.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn named(name: impl AsRef<str>) -> Self {
        Self::make(
            Some(name.as_ref().into()),
            Handler::Trace,
            Location::caller(),
        )
    }

    /// A context whose failures go to this handler.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn with_handler(handler: impl Fn(&TaskError) + Send + Sync + 'static) -> Self {
        Self::make(None, Handler::new(handler), Location::caller())
    }

    fn make(
        name: Option<std::sync::Arc<str>>,
        handler: Handler,
        location: &'static Location<'static>,
    ) -> Self {
        Self::with_policy(name, Policy::Handle(handler), None, location)
    }

    pub(crate) fn with_policy(
        name: Option<std::sync::Arc<str>>,
        policy: Policy,
        limit: Option<usize>,
        location: &'static Location<'static>,
    ) -> Self {
        // It has no node around it: it may be moved anywhere.
        let mut node = Node::new(Kind::Context, None, location);
        node.name = name;
        node.family = Some(Family::new(policy, Duration::ZERO, limit, false));
        let node = Arc::new(node);
        registry::add(&node);
        Self {
            spawner: Spawner::here(&node),
        }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        self.spawner.node()
    }

    pub(crate) fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// Reports the failures that were kept for somebody who never came for them.
    pub(crate) fn report_errors(&self) {
        if let Some(family) = &self.node().family {
            family.report_errors();
        }
    }

    /// Starts a child. If it fails, the handler is told, whether or not the handle is kept. A closed context refuses.
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

    /// Asks all children to end, now and in future, and returns at once.
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::of(ReasonKind::Requested));
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        self.node().cancel_children(&reason.into());
    }

    /// Cancels all children, and waits until they and all that they left behind have ended. A second call, and a concurrent one, waits
    /// for the same end. Failures on the way go to the handler, and there only.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting, not the closing.
    pub async fn close(&self) {
        self.cancel();
        close(self.node()).await;
    }

    /// Waits until all children have ended by themselves, and closes.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting; the children go on.
    pub async fn join(&self) {
        close(self.node()).await;
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        self.spawner.len()
    }

    /// Whether all children have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it was closed; it refuses children then.
    pub fn is_closed(&self) -> bool {
        self.node().is_closed()
    }

    /// The name that it was given, or else the place where it was made (`src/main.rs:12:9`).
    pub fn name(&self) -> &str {
        self.node().name()
    }
}

impl AsyncClose for TaskContext {
    type Error = Infallible;

    const NAME: &'static str = "TaskContext";

    async fn close(&mut self) -> Result<(), Infallible> {
        Self::close(self).await;
        Ok(())
    }
}

impl Drop for TaskContext {
    fn drop(&mut self) {
        let node = self.node();
        if node.is_closed() {
            self.report_errors();
        } else {
            node.cancel_children(&CancelReason::of(ReasonKind::Dropped));
            node.orphan(if node.live() > 0 {
                current::node()
            } else {
                None
            });
            if node.is_closed() {
                self.report_errors();
            }
        }
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

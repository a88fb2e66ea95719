//! [`TaskScope`]: tasks that do not stop each other.

use std::{fmt, future::Future, panic::Location};

use super::{
    close::closed,
    error::ScopeError,
    handle::TaskHandle,
    output::TaskOutput,
    scope_builder::{NoTimeout, ScopeBuilder},
    spawner::Spawner,
};
use crate::cancel::{CancelReason, ReasonKind};

/// A scope of tasks that do not stop each other, and that cannot outlive the block that started them.
///
/// As [`TaskGroup`](super::TaskGroup), except that the failure of a child goes to a handler ([`ScopeBuilder::on_error`], by default
/// `tracing`) and neither the other children nor the body are cancelled by it. The value of the block is the value of its body.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use std::sync::{Arc, Mutex};
/// use aiotools::TaskScope;
///
/// let failures = Arc::new(Mutex::new(Vec::new()));
/// let seen = failures.clone();
/// let value = TaskScope::builder()
///     .on_error(move |err| seen.lock().unwrap().push(err.to_string()))
///     .scope(async |ts| {
///         let _ = ts.spawn_named("unlucky", async { Err::<(), _>("no luck") });
///         let lucky = ts.spawn(async { Ok::<_, std::io::Error>(7) });
///         lucky.await.unwrap()
///     })
///     .await;
/// assert_eq!(value, 7);
/// assert_eq!(*failures.lock().unwrap(), ["task `unlucky` failed: no luck"]);
/// # });
/// ```
#[derive(Clone)]
pub struct TaskScope {
    spawner: Spawner,
    cuts_body: bool,
}

/// The name that upstream gives to a [`TaskScope`] whose only job is to keep its children apart.
pub type Supervisor = TaskScope;

impl TaskScope {
    pub(crate) fn from_spawner(spawner: Spawner, cuts_body: bool) -> Self {
        Self { spawner, cuts_body }
    }

    #[cfg(feature = "macros")]
    pub(crate) fn node(&self) -> &super::sync::Arc<super::node::Node> {
        self.spawner.node()
    }

    /// Runs `body` with a new scope, and ends, with the value of the body, when everything that was started in it has ended.
    ///
    /// When this future is dropped, the body is dropped and the children are cancelled at once, shield or not; whoever is around the
    /// scope waits for them.
    ///
    /// # Panics
    ///
    /// If the body panics, the panic goes on after the children have been cancelled and have ended. When polled outside a tokio
    /// runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses the values of the body and of the children, and nothing else.
    #[track_caller]
    pub fn scope<R, F>(body: F) -> impl Future<Output = R>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        ScopeBuilder::<NoTimeout>::default().scope(body)
    }

    /// As [`scope`](Self::scope), in the form in which [`aclose`](Self::aclose) cuts the body too.
    ///
    /// # Errors
    ///
    /// If the scope was closed before its body had a value.
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    #[track_caller]
    pub fn try_scope<R, F>(body: F) -> impl Future<Output = Result<R, ScopeError>>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        ScopeBuilder::<NoTimeout>::default().try_scope(body)
    }

    /// A scope with a name, a shield, a deadline, a handler for errors.
    pub fn builder() -> ScopeBuilder<NoTimeout> {
        ScopeBuilder::default()
    }

    /// Starts a child. If it fails, the scope's handler is told, whether or not the handle is kept.
    ///
    /// A scope that has ended refuses: the child never runs, and the handle says so.
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

    /// Asks all children to end, now and in future, and returns at once. The body is not interrupted. A shield does not help against
    /// this: it is a shield against the outside.
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::of(ReasonKind::Requested));
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<CancelReason>) {
        self.spawner.node().cancel_children(&reason.into());
    }

    /// As [`cancel`](Self::cancel); the name that upstream has.
    pub fn abort(&self) {
        self.cancel();
    }

    /// Cancels all children and waits until they have ended. In a scope that was started with `try_scope`, or with a timeout, it cuts
    /// the body as well, which then is its result; in the others there is no way to say that the body has no value, and it goes on.
    ///
    /// Any number of tasks may wait here; one that gives up disturbs no other. After the end of the scope it returns at once.
    /// Called from inside the scope, it only asks, since it would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting, not the closing.
    pub async fn aclose(&self) {
        let node = self.spawner.node();
        let reason = CancelReason::of(ReasonKind::Requested);
        if self.cuts_body {
            node.cancel(&reason);
        } else {
            node.cancel_children(&reason);
        }
        closed(node).await;
    }

    /// Whether the children were asked to end: one atomic load.
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

    /// Whether the scope has ended; it refuses children then.
    pub fn is_closed(&self) -> bool {
        self.spawner.node().is_closed()
    }

    /// The name that the scope was given, or else the place where it was started (`src/main.rs:12:9`).
    pub fn name(&self) -> &str {
        self.spawner.node().name()
    }

    /// Where it was started.
    pub fn location(&self) -> &'static Location<'static> {
        self.spawner.node().location
    }
}

impl fmt::Debug for TaskScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskScope")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

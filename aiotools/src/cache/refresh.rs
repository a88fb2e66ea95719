//! [`Refreshes`]: computations in the background, owned by the cache that started them.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::{Handle, Id};

use crate::task::{BoxError, TaskContext};

/// The refreshes of one cache. Dropped, it cancels them.
///
/// They belong to the cache and not to the group around the call that started them, as that call does not wait for them. A cache may serve
/// several runtimes; each has a context of its own, and a refresh ends with its runtime at the latest.
#[derive(Default)]
pub(super) struct Refreshes {
    contexts: Mutex<Contexts>,
}

#[derive(Default)]
struct Contexts {
    /// Nothing is started any more.
    closed: bool,
    open: Vec<(Id, Arc<TaskContext>)>,
}

impl Refreshes {
    fn lock(&self) -> MutexGuard<'_, Contexts> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one, unless they have been closed. Its error goes to `tracing`.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub(super) fn spawn<F>(&self, refresh: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        // Not under the lock, as it may be dropped there and then, with what is the user's in it.
        if let Some(context) = self.context() {
            drop(context.spawn_named("refresh", refresh));
        }
    }

    /// The one of this runtime.
    fn context(&self) -> Option<Arc<TaskContext>> {
        let runtime = Handle::current().id();
        let mut contexts = self.lock();
        if contexts.closed {
            return None;
        }
        // What is left of runtimes that are gone goes.
        contexts
            .open
            .retain(|(id, context)| *id == runtime || !context.is_empty());
        let known = contexts.open.iter().find(|(id, _)| *id == runtime);
        let context = match known {
            Some((_, context)) => Arc::clone(context),
            None => {
                let context = Arc::new(TaskContext::named("refreshes of a cache"));
                contexts.open.push((runtime, Arc::clone(&context)));
                context
            }
        };
        Some(context)
    }

    /// Cancels all, and waits until they have ended.
    pub(super) async fn close(&self) {
        let contexts: Vec<_> = {
            let mut contexts = self.lock();
            contexts.closed = true;
            let open = contexts.open.iter();
            open.map(|(_, context)| Arc::clone(context)).collect()
        };
        for context in &contexts {
            context.cancel();
        }
        for context in &contexts {
            context.close().await;
        }
    }
}

//! [`Refreshes`]: computations in the background, owned by the cache that started them.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use tokio::runtime::{Handle, Id};

use crate::task::{BoxError, TaskContext};

/// The refreshes of one cache. Dropped, it cancels them.
///
/// They belong to the cache and not to the group around the call that started them, as that call does not wait for them. A cache may serve
/// several runtimes; each has a context of its own, and a refresh ends with its runtime at the latest.
#[derive(Default)]
pub(super) struct Refreshes {
    contexts: Mutex<Vec<(Id, TaskContext)>>,
}

impl Refreshes {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Id, TaskContext)>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one. Its error goes to `tracing`.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub(super) fn spawn<F>(&self, refresh: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let runtime = Handle::current().id();
        let mut contexts = self.lock();
        // What is left of runtimes that are gone; dropped behind the lock.
        let (contexts_left, _ended) = std::mem::take(&mut *contexts)
            .into_iter()
            .partition::<Vec<_>, _>(|(id, context)| *id == runtime || !context.is_empty());
        *contexts = contexts_left;
        let at = match contexts.iter().position(|(id, _)| *id == runtime) {
            Some(at) => at,
            None => {
                contexts.push((runtime, TaskContext::named("refreshes of a cache")));
                contexts.len() - 1
            }
        };
        drop(contexts[at].1.spawn_named("refresh", refresh));
        drop(contexts);
    }

    /// Cancels all, and waits until they have ended.
    pub(super) async fn close(&self) {
        let contexts = std::mem::take(&mut *self.lock());
        for (_, context) in &contexts {
            context.cancel();
        }
        for (_, context) in &contexts {
            context.close().await;
        }
    }
}

//! [`as_completed`]: results in the order in which they come.

use std::{
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

use crate::context::AsyncClose;
use crate::task::{
    TaskContext, TaskError, TaskHandle, TaskOutput,
    engine::{Policy, Waiting},
};

/// Starts all futures as tasks of their own and gives their results as they come, each with the index of its future.
///
/// Nothing starts before the first step. The stream owns its tasks: [`aclose`](AsCompleted::aclose) ends the rest and waits for
/// them; dropped, it cancels them, and whoever is around the place of the drop waits.
///
/// # Panics
///
/// When polled outside a tokio runtime.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::as_completed;
///
/// let mut done = as_completed([30, 10, 20].map(|ms| async move {
///     tokio::time::sleep(Duration::from_millis(ms)).await;
///     Ok::<_, std::io::Error>(ms)
/// }));
/// let mut order = Vec::new();
/// while let Some((index, result)) = done.next().await {
///     order.push((index, result.unwrap()));
/// }
/// assert_eq!(order, [(1, 10), (2, 20), (0, 30)]);
/// done.aclose().await;
/// # });
/// ```
#[track_caller]
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator<Item: Future<Output: TaskOutput> + Send + 'static>,
{
    AsCompleted {
        futures: futures.into_iter().collect(),
        limit: None,
        location: Location::caller(),
        started: None,
    }
}

/// The stream of [`as_completed`]. It is a [`Stream`], and has [`next`](Self::next) of its own.
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<F: Future<Output: TaskOutput>> {
    futures: Vec<F>,
    limit: Option<usize>,
    location: &'static Location<'static>,
    started: Option<Started<<F::Output as TaskOutput>::Value>>,
}

struct Started<T> {
    waiting: Waiting,
    context: TaskContext,
    handles: Vec<Option<TaskHandle<T>>>,
    left: usize,
    /// Its task has ended, and the runtime is about to say so.
    next: Option<usize>,
}

impl<F: Future<Output: TaskOutput>> Unpin for AsCompleted<F> {}

impl<F> AsCompleted<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    /// How many run at once, at most; they start in order.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "with a limit of 0 nothing would ever run");
        self.limit = Some(limit);
        self
    }

    fn start(&mut self) -> &mut Started<<F::Output as TaskOutput>::Value> {
        let Self {
            futures,
            limit,
            location,
            started,
        } = self;
        started.get_or_insert_with(|| {
            let context = TaskContext::with_policy(
                None,
                Policy::Collect { in_order: true },
                *limit,
                location,
            );
            let handles: Vec<_> = std::mem::take(futures)
                .into_iter()
                .map(|future| Some(context.spawner().spawn_at(location, future)))
                .collect();
            Started {
                left: handles.len(),
                waiting: Waiting::default(),
                context,
                handles,
                next: None,
            }
        })
    }

    /// The next result, with the index of its future; `None` when there are no more.
    ///
    /// # Cancel safety
    ///
    /// No result is lost when it is dropped.
    pub async fn next(
        &mut self,
    ) -> Option<(usize, Result<<F::Output as TaskOutput>::Value, TaskError>)> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Cancels the tasks whose results have not been taken, and returns when they have ended, cleanup included. A stream that was never
    /// polled starts nothing. Calling it again does nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting, not the closing.
    pub async fn aclose(&mut self) {
        self.futures.clear();
        if let Some(started) = &mut self.started {
            started.left = 0;
            started.context.close().await;
            started.context.report_errors();
        }
    }
}

impl<F> AsyncClose for AsCompleted<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    type Error = Infallible;

    const NAME: &'static str = "as_completed";

    async fn close(&mut self) -> Result<(), Infallible> {
        self.aclose().await;
        Ok(())
    }
}

impl<F> Stream for AsCompleted<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    type Item = (usize, Result<<F::Output as TaskOutput>::Value, TaskError>);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let started = self.get_mut().start();
        if started.left == 0 {
            return Poll::Ready(None);
        }
        if started.next.is_none() {
            let node = started.context.node();
            started.waiting.watch(node, cx.waker());
            started.next = node
                .family
                .as_ref()
                .and_then(|family| family.take_finished())
                .map(|seq| seq as usize);
        }
        let Some(index) = started.next else {
            return Poll::Pending;
        };
        let Some(handle) = started.handles[index].as_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(result) = Pin::new(handle).poll(cx) else {
            return Poll::Pending;
        };
        if let Err(error) = &result {
            super::taken(started.context.node(), error);
        }
        started.handles[index] = None;
        started.next = None;
        started.left -= 1;
        Poll::Ready(Some((index, result)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self
            .started
            .as_ref()
            .map_or(self.futures.len(), |started| started.left);
        (left, Some(left))
    }
}

impl<F: Future<Output: TaskOutput>> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").finish_non_exhaustive()
    }
}

//! Combinators over *spawned* futures: they run in parallel, and what they return, they return when everything that they started has
//! ended, the losers' cleanup included.

mod as_completed;
mod gather;
mod race;

pub use as_completed::{AsCompleted, as_completed};
pub use gather::{Gather, gather};
pub use race::{Race, RaceError, RaceOk, race, race_ok};

use std::{
    future::{Future, poll_fn},
    panic::Location,
    task::Poll,
};

use crate::{
    cancel::{CancelReason, ReasonKind},
    task::{
        TaskError, TaskHandle, TaskOutput,
        engine::{Arc, Node, Policy, Spawner, Waiting, collect},
    },
};

/// A future that was boxed so that it has a name.
type Boxed<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

/// The members of one call: they are started together, and taken as they end.
struct Members<T> {
    node: Arc<Node>,
    handles: Vec<Option<TaskHandle<T>>>,
    /// How many have not been taken.
    left: usize,
}

impl<T: Send + 'static> Members<T> {
    fn start<F>(spawner: &Spawner, futures: Vec<F>, location: &'static Location<'static>) -> Self
    where
        F: Future<Output: TaskOutput<Value = T>> + Send + 'static,
    {
        let handles: Vec<_> = futures
            .into_iter()
            .map(|future| Some(spawner.spawn_at(location, future)))
            .collect();
        Self {
            node: Arc::clone(spawner.node()),
            left: handles.len(),
            handles,
        }
    }

    /// The next that has ended, with its index.
    async fn next(&mut self) -> Option<(usize, Result<T, TaskError>)> {
        if self.left == 0 {
            return None;
        }
        let node = &self.node;
        let mut waiting = Waiting::default();
        let index = poll_fn(|cx| {
            waiting.watch(node, cx.waker());
            match node
                .family
                .as_ref()
                .and_then(|family| family.take_finished())
            {
                Some(seq) => Poll::Ready(seq as usize),
                None => Poll::Pending,
            }
        })
        .await;
        Some((index, self.take(index).await?))
    }

    /// The result of one, when it has ended.
    async fn take(&mut self, index: usize) -> Option<Result<T, TaskError>> {
        let handle = self.handles[index].take()?;
        self.left -= 1;
        Some(handle.await)
    }

    /// Ends the rest; the scope around them waits for it.
    fn cancel(&self) {
        self.node
            .cancel_children(&CancelReason::of(ReasonKind::NotNeeded));
    }
}

/// The caller gets this error, so it need not be reported.
fn taken(node: &Node, error: &TaskError) {
    if let Some(family) = &node.family {
        family.taken(error);
    }
}

/// Runs `body` over the members, and waits for all of them. Failures that are not in what it returns are reported: those of losers.
async fn with_members<F, T, R>(
    futures: Vec<F>,
    limit: Option<usize>,
    in_order: bool,
    location: &'static Location<'static>,
    body: impl AsyncFnOnce(Members<T>) -> R,
    returned: impl FnOnce(&R, &mut dyn FnMut(&TaskError)),
) -> R
where
    F: Future<Output: TaskOutput<Value = T>> + Send + 'static,
    T: Send + 'static,
{
    let mut node = None;
    let result = collect(
        Policy::Collect { in_order },
        limit,
        location,
        async |spawner| {
            node = Some(Arc::clone(spawner.node()));
            body(Members::start(&spawner, futures, location)).await
        },
    )
    .await;
    // Only now: as long as we wait, the result may yet be lost, because the caller is cancelled.
    if let Some(node) = node
        && let Some(family) = &node.family
    {
        returned(&result, &mut |error| family.taken(error));
        family.report_errors();
    }
    result
}

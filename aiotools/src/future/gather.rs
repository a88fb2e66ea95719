//! [`gather`]: all results, in the order of the futures.

use std::{
    fmt,
    future::{Future, IntoFuture},
    panic::Location,
};

use super::{Boxed, with_members};
use crate::task::{TaskError, TaskOutput};

/// Starts all futures as tasks of their own and gives all their results, in the order of the futures. None stops the others.
///
/// Compared with `futures::future::join_all` over spawned tasks: nothing goes on behind its back when it is dropped or
/// cancelled, a panic is a value, and the number that runs at once can be limited.
///
/// # Panics
///
/// When polled outside a tokio runtime.
///
/// # Cancel safety
///
/// Dropped or cancelled, it cancels the tasks, and whoever is around it waits for them; the results are lost.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::gather;
///
/// let results = gather((0..4).map(|n| async move {
///     if n == 2 { Err("two") } else { Ok(n * n) }
/// })).await;
/// let values: Vec<_> = results.iter().map(|result| result.as_ref().ok().copied()).collect();
/// assert_eq!(values, [Some(0), Some(1), None, Some(9)]);
///
/// let one_by_one = gather([async { Ok::<_, std::io::Error>(1) }]).limit(1).await;
/// assert_eq!(*one_by_one[0].as_ref().unwrap(), 1);
/// # });
/// ```
#[track_caller]
pub fn gather<I>(futures: I) -> Gather<I::Item>
where
    I: IntoIterator<Item: Future<Output: TaskOutput> + Send + 'static>,
{
    Gather {
        futures: futures.into_iter().collect(),
        limit: None,
        location: Location::caller(),
    }
}

/// A [`gather`] before it is awaited.
#[must_use = "does nothing unless awaited"]
pub struct Gather<F> {
    futures: Vec<F>,
    limit: Option<usize>,
    location: &'static Location<'static>,
}

impl<F> Gather<F> {
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
}

impl<F> IntoFuture for Gather<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    type Output = Vec<Result<<F::Output as TaskOutput>::Value, TaskError>>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(with_members(
            self.futures,
            self.limit,
            false,
            self.location,
            async |mut members| {
                let mut results = Vec::with_capacity(members.handles.len());
                for index in 0..members.handles.len() {
                    results.extend(members.take(index).await);
                }
                results
            },
            |results: &Self::Output, taken| {
                results
                    .iter()
                    .filter_map(|result| result.as_ref().err())
                    .for_each(taken)
            },
        ))
    }
}

impl<F> fmt::Debug for Gather<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("futures", &self.futures.len())
            .finish_non_exhaustive()
    }
}

//! [`race`] and [`race_ok`]: the first that ends, or the first that succeeds.

use std::{
    error::Error,
    fmt,
    future::{Future, IntoFuture},
    panic::Location,
};

use super::{Boxed, with_members};
use crate::task::{TaskError, TaskOutput};

/// Nobody won.
#[derive(Debug, Clone)]
pub struct RaceError {
    errors: Vec<TaskError>,
}

impl RaceError {
    /// There was nobody in the race.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The failures up to the end of the race, in the order of occurrence.
    pub fn errors(&self) -> &[TaskError] {
        &self.errors
    }

    /// Takes the failures out.
    pub fn into_errors(self) -> Vec<TaskError> {
        self.errors
    }

    /// The first failure.
    pub fn first(&self) -> Option<&TaskError> {
        self.errors.first()
    }

    /// The first failure that is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.errors.iter().find_map(TaskError::downcast_ref)
    }
}

impl fmt::Display for RaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [] => f.write_str("a race without entrants"),
            [one] => write!(f, "the race was lost: {one}"),
            many => write!(
                f,
                "the race was lost with {} errors, the first: {}",
                many.len(),
                many[0]
            ),
        }
    }
}

impl Error for RaceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|first| first as _)
    }
}

/// Starts all futures as tasks of their own; the first that ends decides: its value is returned, or its error. The others are cancelled, and
/// have ended, cleanup included, when this returns.
///
/// A task that cancels itself has lost like one that fails; nothing happens to the caller.
///
/// # Panics
///
/// When polled outside a tokio runtime.
///
/// # Errors
///
/// If the first that ended failed; if there were no futures ([`RaceError::is_empty`]).
///
/// # Cancel safety
///
/// Dropped or cancelled, it cancels the tasks, and whoever is around it waits for them.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::race;
///
/// let first = race([30, 10, 20].map(|ms| async move {
///     tokio::time::sleep(Duration::from_millis(ms)).await;
///     Ok::<_, std::io::Error>(ms)
/// })).await.unwrap();
/// assert_eq!(first, 10);
/// # });
/// ```
#[track_caller]
pub fn race<I>(futures: I) -> Race<I::Item>
where
    I: IntoIterator<Item: Future<Output: TaskOutput> + Send + 'static>,
{
    Race {
        futures: futures.into_iter().collect(),
        location: Location::caller(),
    }
}

/// As [`race`], but a failure is not the end: the first that *succeeds* wins, and its value comes with the failures before it.
///
/// # Panics
///
/// When polled outside a tokio runtime.
///
/// # Errors
///
/// If all failed, with all their errors; if there were no futures.
///
/// # Cancel safety
///
/// As [`race`].
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::race_ok;
///
/// let (value, errors) = race_ok((0..3).map(|n| async move {
///     if n < 2 { Err("too small") } else { Ok(n) }
/// })).await.unwrap();
/// assert_eq!((value, errors.len()), (2, 2));
/// # });
/// ```
#[track_caller]
pub fn race_ok<I>(futures: I) -> RaceOk<I::Item>
where
    I: IntoIterator<Item: Future<Output: TaskOutput> + Send + 'static>,
{
    RaceOk {
        futures: futures.into_iter().collect(),
        location: Location::caller(),
    }
}

/// A [`race`] before it is awaited.
#[must_use = "does nothing unless awaited"]
pub struct Race<F> {
    futures: Vec<F>,
    location: &'static Location<'static>,
}

/// A [`race_ok`] before it is awaited.
#[must_use = "does nothing unless awaited"]
pub struct RaceOk<F> {
    futures: Vec<F>,
    location: &'static Location<'static>,
}

impl<F> IntoFuture for Race<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    type Output = Result<<F::Output as TaskOutput>::Value, RaceError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(with_members(
            self.futures,
            None,
            true,
            self.location,
            async |mut members| {
                let first = members.next().await;
                members.cancel();
                match first {
                    None => Err(RaceError { errors: Vec::new() }),
                    Some((_, result)) => result.map_err(|error| RaceError {
                        errors: vec![error],
                    }),
                }
            },
            |result: &Self::Output, taken| {
                result
                    .as_ref()
                    .err()
                    .iter()
                    .flat_map(|lost| &lost.errors)
                    .for_each(taken)
            },
        ))
    }
}

impl<F> IntoFuture for RaceOk<F>
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    type Output = Result<(<F::Output as TaskOutput>::Value, Vec<TaskError>), RaceError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(with_members(
            self.futures,
            None,
            true,
            self.location,
            async |mut members| {
                let mut errors = Vec::new();
                while let Some((_, result)) = members.next().await {
                    match result {
                        Err(error) => errors.push(error),
                        Ok(value) => {
                            members.cancel();
                            return Ok((value, errors));
                        }
                    }
                }
                Err(RaceError { errors })
            },
            |result: &Self::Output, taken| {
                match result {
                    Ok((_, errors)) => errors,
                    Err(lost) => &lost.errors,
                }
                .iter()
                .for_each(taken);
            },
        ))
    }
}

impl<F> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race")
            .field("futures", &self.futures.len())
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RaceOk<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceOk")
            .field("futures", &self.futures.len())
            .finish_non_exhaustive()
    }
}

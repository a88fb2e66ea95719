//! The deferred calls of a function under `#[adefer]`.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cleanup::Home;
use crate::context::exit_stack::entry::Entry;
use crate::context::exit_stack::unwind::{Entries, Unwinding};
use crate::context::failure::Failure;
use crate::context::{About, CatchUnwind, Exit};

#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    /// All have been run, and what comes now comes too late.
    closed: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<List>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries for Shared {
    fn pop(&mut self) -> Option<Entry> {
        let mut list = self.lock();
        let entry = list.entries.pop();
        list.closed = entry.is_none();
        entry
    }
}

/// The deferred calls of an async function that fails with `X`.
pub struct AsyncDefers<X> {
    about: &'static About,
    shared: Shared,
    error: PhantomData<fn() -> X>,
}

impl<X> AsyncDefers<X> {
    #[must_use]
    pub fn new(about: &'static About) -> Self {
        Self {
            about,
            shared: Shared::default(),
            error: PhantomData,
        }
    }

    /// The same list, for a deferred call that defers in its turn.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            about: self.about,
            shared: self.shared.clone(),
            error: PhantomData,
        }
    }

    pub(super) fn push(&self, entry: Entry) {
        let mut list = self.shared.lock();
        if list.closed {
            // From a task that a deferred call has started, and that outlives the function: it runs in the
            // background.
            drop(list);
            drop(Unwinding::armed(vec![entry], Home::current()));
        } else {
            list.entries.push(entry);
        }
    }

    pub(super) fn about(&self) -> &'static About {
        self.about
    }

    /// Runs the body of a function that returns a `Result`, then what it has deferred.
    ///
    /// Dropped on the way, it drops the body, and leaves what has been deferred to the background.
    pub async fn run_fallible<T>(&self, body: impl Future<Output = Result<T, X>>) -> Result<T, X>
    where
        X: 'static,
    {
        // Older than the future of the body, so that it goes later.
        let mut unwinding = Unwinding::armed(self.shared.clone(), Home::current());
        match CatchUnwind::new(body).await {
            Ok(Ok(value)) => {
                let first = unwinding.run(Exit::Completed).await.take();
                match first.map(|first| first.failure) {
                    None => Ok(value),
                    Some(Failure::Error(error)) => Err(error
                        .downcast()
                        .expect("only errors of the function are kept")),
                    Some(Failure::Panic(panic)) => resume_unwind(panic),
                }
            }
            Ok(Err(error)) => {
                unwinding.run_behind(Exit::Failed).await;
                Err(error)
            }
            Err(panic) => {
                unwinding.run_behind(Exit::Panicked).await;
                resume_unwind(panic)
            }
        }
    }
}

impl AsyncDefers<Infallible> {
    /// Runs the body of a function that returns something else, then what it has deferred.
    pub async fn run<R>(&self, body: impl Future<Output = R>) -> R {
        let Ok(value) = self.run_fallible(async { Ok(body.await) }).await;
        value
    }
}

impl<X> fmt::Debug for AsyncDefers<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncDefers").finish_non_exhaustive()
    }
}

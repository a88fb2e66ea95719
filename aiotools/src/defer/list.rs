//! The deferred calls of a function under `#[defer]`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::cleanup::report;
use crate::context::{About, Exit, Panic};

/// An error that can be returned, and what to do with it if another one is.
type Failed<X> = (X, fn(&'static About, Exit, X));

type Call<'d, X> = Box<dyn FnOnce(&Defers<'d, X>) -> Option<Failed<X>> + 'd>;

/// The deferred calls of a function that fails with `X`.
pub struct Defers<'d, X> {
    about: &'static About,
    calls: RefCell<Vec<Call<'d, X>>>,
    /// How the body has ended.
    exit: Cell<Exit>,
}

impl<'d, X> Defers<'d, X> {
    fn new(about: &'static About) -> Self {
        Self {
            about,
            calls: RefCell::default(),
            exit: Cell::new(Exit::Completed),
        }
    }

    /// Runs the body of a function that returns a `Result`, then what it has deferred.
    pub fn run_fallible<T>(
        about: &'static About,
        body: impl FnOnce(&Self) -> Result<T, X>,
    ) -> Result<T, X> {
        let defers = Self::new(about);
        match catch_unwind(AssertUnwindSafe(|| body(&defers))) {
            Ok(Ok(value)) => match defers.run_all(Exit::Completed) {
                None => Ok(value),
                Some(Ok((error, _))) => Err(error),
                Some(Err(panic)) => resume_unwind(panic),
            },
            Ok(Err(error)) => {
                defers.run_behind(Exit::Failed);
                Err(error)
            }
            Err(panic) => {
                defers.run_behind(Exit::Panicked);
                resume_unwind(panic)
            }
        }
    }

    /// The closure, with its parameter known to be a list of this type.
    pub fn call<O, C: FnOnce(&Self) -> O + 'd>(&self, call: C) -> C {
        call
    }

    pub(super) fn push(&self, call: impl FnOnce(&Self) -> Option<Failed<X>> + 'd) {
        self.calls.borrow_mut().push(Box::new(call));
    }

    pub(super) fn about(&self) -> &'static About {
        self.about
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit.get()
    }

    /// Runs all. Gives the first failure, reports the others.
    fn run_all(&self, exit: Exit) -> Option<Result<Failed<X>, Panic>> {
        self.exit.set(exit);
        let mut first = None;
        while let Some(failure) = self.run_next() {
            match failure {
                None => {}
                Some(failure) if first.is_none() => first = Some(failure),
                Some(failure) => self.report(failure),
            }
        }
        first
    }

    /// Runs all, where the body has failed before.
    fn run_behind(&self, exit: Exit) {
        self.exit.set(exit);
        while let Some(failure) = self.run_next() {
            if let Some(failure) = failure {
                self.report(failure);
            }
        }
    }

    /// Runs the next; `None` when there are no more.
    #[expect(clippy::option_option, reason = "is there one, and did it fail")]
    fn run_next(&self) -> Option<Option<Result<Failed<X>, Panic>>> {
        // Not borrowed while it runs, so that it can defer in its turn.
        let call = self.calls.borrow_mut().pop()?;
        Some(match catch_unwind(AssertUnwindSafe(|| call(self))) {
            Ok(failed) => failed.map(Ok),
            Err(panic) => Some(Err(panic)),
        })
    }

    fn report(&self, failure: Result<Failed<X>, Panic>) {
        match failure {
            Ok((error, report)) => report(self.about, self.exit(), error),
            Err(panic) => report::panic(self.about.name, self.exit(), &panic),
        }
    }
}

impl Defers<'_, std::convert::Infallible> {
    /// Runs the body of a function that returns something else, then what it has deferred.
    pub fn run<R>(about: &'static About, body: impl FnOnce(&Self) -> R) -> R {
        let Ok(value) = Self::run_fallible(about, |defers| Ok(body(defers)));
        value
    }
}

impl<X> fmt::Debug for Defers<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defers").finish_non_exhaustive()
    }
}

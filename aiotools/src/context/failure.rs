//! What becomes of several failures, where one caller waits: the first comes out, the others go to the error
//! hook (G3).

use std::fmt;
use std::panic::resume_unwind;

use super::catch_unwind::Panic;
use super::exit::Exit;
use super::spec::Spec;
use crate::cleanup::report;

/// How a set-up or a cleanup failed.
pub(crate) enum Failure<E> {
    Error(E),
    Panic(Panic),
}

impl<E> Failure<E> {
    /// What those are told that are left because of it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Error(_) => Exit::Failed,
            Self::Panic(_) => Exit::Panicked,
        }
    }

    /// The error; a panic goes on.
    pub(crate) fn into_error(self) -> E {
        match self {
            Self::Error(error) => error,
            Self::Panic(panic) => resume_unwind(panic),
        }
    }
}

/// A failure of a cleanup, with what a report of it says.
pub(crate) struct CleanupFailure<E: fmt::Debug> {
    pub(crate) spec: Spec<Result<(), E>>,
    pub(crate) exit: Exit,
    pub(crate) failure: Failure<E>,
}

impl<E: fmt::Debug> CleanupFailure<E> {
    pub(crate) fn report(self) {
        match self.failure {
            Failure::Error(error) => report::outcome(&self.spec, self.exit, Err(error)),
            Failure::Panic(panic) => report::panic(self.spec.about.name, self.exit, &panic),
        }
    }
}

/// The first of several failures. The others are reported, and so is this one if nobody takes it.
pub(crate) struct FirstFailure<E: fmt::Debug>(Option<CleanupFailure<E>>);

impl<E: fmt::Debug> FirstFailure<E> {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn add(&mut self, failure: CleanupFailure<E>) {
        if self.0.is_none() {
            self.0 = Some(failure);
        } else {
            failure.report();
        }
    }

    pub(crate) fn take(&mut self) -> Option<CleanupFailure<E>> {
        self.0.take()
    }

    /// The error; a panic goes on.
    pub(crate) fn into_result(mut self) -> Result<(), E> {
        match self.take() {
            None => Ok(()),
            Some(first) => Err(first.failure.into_error()),
        }
    }
}

impl<E: fmt::Debug> Drop for FirstFailure<E> {
    fn drop(&mut self) {
        if let Some(failure) = self.take() {
            failure.report();
        }
    }
}

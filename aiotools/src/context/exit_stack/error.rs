//! Errors of cleanups that are kept side by side, whatever their types.

use std::any::Any;
use std::fmt;

use crate::cleanup::CleanupTimedOut;
use crate::context::Exit;
use crate::context::failure::{CleanupFailure, Failure};

trait AnyDebug: Any + fmt::Debug {}

impl<T: Any + fmt::Debug> AnyDebug for T {}

/// The error of a cleanup, its type forgotten. Shows as it would itself.
pub(crate) struct AnyError(Box<dyn AnyDebug + Send + Sync>);

impl AnyError {
    pub(crate) fn new(error: impl fmt::Debug + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    pub(crate) fn as_any(&self) -> &dyn Any {
        &*self.0
    }

    pub(crate) fn downcast<E: 'static>(self) -> Result<E, Self> {
        if self.as_any().is::<E>() {
            let error: Box<dyn Any> = self.0;
            Ok(*error.downcast().expect("it has just been asked"))
        } else {
            Err(self)
        }
    }
}

impl fmt::Debug for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first error of the cleanups of an [`AsyncExitStack`](super::AsyncExitStack): what
/// [`exit`](super::AsyncExitStack::exit) gives when all of them are done.
///
/// # Examples
///
/// ```
/// use aiotools::AsyncExitStack;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stack = AsyncExitStack::new();
/// stack.push_callback(|_| Err::<(), _>("the disk is full".to_owned()));
/// let error = stack.exit().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<String>().unwrap(), "the disk is full");
/// # }
/// ```
pub struct ExitStackError {
    manager: &'static str,
    exit: Exit,
    error: AnyError,
}

impl ExitStackError {
    /// The error of a failure; a panic goes on.
    pub(super) fn new(failed: CleanupFailure<AnyError>) -> Self {
        let CleanupFailure {
            spec,
            exit,
            failure,
        } = failed;
        Self {
            manager: spec.about.name,
            exit,
            error: Failure::into_error(failure),
        }
    }

    /// The path of the manager whose cleanup failed.
    #[must_use]
    pub fn manager(&self) -> &'static str {
        self.manager
    }

    /// What that manager was told.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The error that the cleanup returned.
    #[must_use]
    pub fn error(&self) -> &dyn fmt::Debug {
        &self.error
    }

    /// The error that the cleanup returned, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: 'static>(&self) -> Option<&E> {
        self.error.as_any().downcast_ref()
    }

    /// The error that the cleanup returned, if it is an `E`.
    ///
    /// # Errors
    ///
    /// Gives itself back if it is not.
    pub fn downcast<E: 'static>(self) -> Result<E, Self> {
        let Self {
            manager,
            exit,
            error,
        } = self;
        error.downcast().map_err(|error| Self {
            manager,
            exit,
            error,
        })
    }

    /// Whether the cleanup was given up at its `cleanup_timeout`.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.downcast_ref::<CleanupTimedOut>().is_some()
    }
}

impl fmt::Display for ExitStackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            manager,
            exit,
            error,
        } = self;
        write!(f, "the cleanup of `{manager}` ({exit}) failed: {error:?}")
    }
}

impl fmt::Debug for ExitStackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExitStackError({self})")
    }
}

impl std::error::Error for ExitStackError {}

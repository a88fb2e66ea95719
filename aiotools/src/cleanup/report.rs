//! Where errors of cleanups go that have no caller left: the error hook.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use super::{CleanupTimedOut, stats};
use crate::context::{Exit, Outcome, Panic, Spec};

/// Something that went wrong in a cleanup and has no caller to go to: the argument of the
/// [error hook](set_error_hook).
#[derive(Clone, Copy)]
pub struct CleanupError<'a> {
    manager: &'static str,
    exit: Exit,
    cause: Cause<'a>,
}

#[derive(Clone, Copy)]
enum Cause<'a> {
    Error {
        error: &'a dyn fmt::Debug,
        any: Option<&'a dyn Any>,
    },
    Panic(&'a (dyn Any + Send)),
    TimedOut(&'a CleanupTimedOut),
    Abandoned,
}

impl<'a> CleanupError<'a> {
    /// The path of the manager, such as `app::db::transaction`.
    #[must_use]
    pub fn manager(&self) -> &'static str {
        self.manager
    }

    /// What the manager was resumed with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The error that the cleanup returned, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&'a dyn fmt::Debug> {
        match self.cause {
            Cause::Error { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The error that the cleanup returned, if it did, as what it is. Always `None` for a `scoped`
    /// manager, whose error may borrow.
    #[must_use]
    pub fn downcast_ref<E: 'static>(&self) -> Option<&'a E> {
        match self.cause {
            Cause::Error { any, .. } => any?.downcast_ref(),
            _ => None,
        }
    }

    /// The payload of the cleanup's panic, if it panicked.
    #[must_use]
    pub fn panic(&self) -> Option<&'a (dyn Any + Send)> {
        match self.cause {
            Cause::Panic(payload) => Some(payload),
            _ => None,
        }
    }

    /// Whether the cleanup was dropped at the limit of its `cleanup_timeout`.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, Cause::TimedOut(_))
    }

    /// Whether the cleanup could not be run to its end: its runtime is gone, or a scoped manager had
    /// only one poll left.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        matches!(self.cause, Cause::Abandoned)
    }
}

impl fmt::Display for CleanupError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manager, exit, .. } = self;
        match self.cause {
            Cause::Error { error, .. } => {
                write!(f, "the cleanup of `{manager}` ({exit}) failed: {error:?}")
            }
            Cause::Panic(payload) => {
                write!(
                    f,
                    "the cleanup of `{manager}` ({exit}) panicked: {}",
                    message(payload)
                )
            }
            Cause::TimedOut(timed_out) => timed_out.fmt(f),
            Cause::Abandoned => write!(
                f,
                "the cleanup of `{manager}` ({exit}) could not be run to its end: it had no runtime"
            ),
        }
    }
}

impl fmt::Debug for CleanupError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CleanupError({self})")
    }
}

impl std::error::Error for CleanupError<'_> {}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&str>() {
        message
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message
    } else {
        "(not a text)"
    }
}

type Hook = dyn Fn(&CleanupError<'_>) + Send + Sync;

static HOOK: RwLock<Option<Arc<Hook>>> = RwLock::new(None);

/// Sets who is told about errors of cleanups that have no caller: of a guard that was dropped, of a
/// body that had failed already, of a cleanup that timed out or could not be run.
///
/// There is one hook per process. Without one, such errors become `tracing` events of level `ERROR`.
/// The hook runs on whatever thread the cleanup ended on and should not block. If it panics, the panic
/// is caught, and the error goes to `tracing` after all.
///
/// # Examples
///
/// ```
/// aiotools::cleanup::set_error_hook(|error| {
///     eprintln!("{}: {error}", error.manager());
/// });
/// ```
pub fn set_error_hook(hook: impl Fn(&CleanupError<'_>) + Send + Sync + 'static) {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
}

/// Goes back to reporting by `tracing`.
pub fn reset_error_hook() {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = None;
}

fn report(error: &CleanupError<'_>) {
    // Not held while the hook runs, so that the hook may set another.
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    let told = hook.is_some_and(|hook| catch_unwind(AssertUnwindSafe(|| hook(error))).is_ok());
    if !told {
        tracing::error!(target: "aiotools::cleanup", manager = error.manager, "{error}");
    }
}

/// Reports the outcome of a cleanup if it is an error.
pub(crate) fn outcome<O: Outcome>(spec: &Spec<O>, exit: Exit, outcome: O) {
    if let Err(error) = outcome.into_result() {
        report(&CleanupError {
            manager: spec.about.name,
            exit,
            cause: Cause::Error {
                error: &error,
                any: (spec.erase)(&error),
            },
        });
    }
}

pub(crate) fn panic(manager: &'static str, exit: Exit, payload: &Panic) {
    report(&CleanupError {
        manager,
        exit,
        cause: Cause::Panic(&**payload),
    });
}

pub(crate) fn timed_out(error: &CleanupTimedOut) {
    report(&CleanupError {
        manager: error.manager(),
        exit: error.exit(),
        cause: Cause::TimedOut(error),
    });
}

pub(crate) fn abandoned(manager: &'static str, exit: Exit) {
    stats::count_abandoned();
    report(&CleanupError {
        manager,
        exit,
        cause: Cause::Abandoned,
    });
}

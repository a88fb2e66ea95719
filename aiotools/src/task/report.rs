//! Where failures go that nobody awaits.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, RwLock},
};

use super::error::TaskError;

type Hook = Arc<dyn Fn(&TaskError) + Send + Sync>;

static LAST_RESORT: RwLock<Option<Hook>> = RwLock::new(None);

/// Sets what is called with every failure that has no other way out: the failures of a group whose future was dropped, those of a
/// cleanup, and those of error handlers themselves (as a panic of a task). The default reports them through `tracing`.
///
/// The hook belongs to the process; a later call replaces it.
pub fn set_last_resort(hook: impl Fn(&TaskError) + Send + Sync + 'static) {
    *LAST_RESORT
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(hook));
}

/// A failure that nobody else hears of.
pub(crate) fn unhandled(error: &TaskError) {
    let hook = LAST_RESORT
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    match hook {
        Some(hook) if catch_unwind(AssertUnwindSafe(|| hook(error))).is_ok() => {}
        _ => trace(error),
    }
}

fn trace(error: &TaskError) {
    tracing::error!(task = error.name(), location = %error.location(), "{error}");
}

/// What a scope does with the failure of a child.
#[derive(Clone)]
pub(crate) enum Handler {
    Trace,
    Ignore,
    Call(Hook),
}

impl Handler {
    pub(crate) fn new(handler: impl Fn(&TaskError) + Send + Sync + 'static) -> Self {
        Self::Call(Arc::new(handler))
    }

    /// Calls it; if it panics, that is reported, and then the failure that it was called for, so that neither is lost.
    pub(crate) fn call(&self, error: &TaskError) {
        match self {
            Self::Trace => trace(error),
            Self::Ignore => {}
            Self::Call(handler) => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(error))) {
                    handler_panicked(error, payload);
                }
            }
        }
    }
}

fn handler_panicked(error: &TaskError, payload: Box<dyn Any + Send>) {
    unhandled(&TaskError::panicked(
        Some("error handler".into()),
        error.location(),
        payload,
    ));
    trace(error);
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "Trace",
            Self::Ignore => "Ignore",
            Self::Call(_) => "Call",
        })
    }
}

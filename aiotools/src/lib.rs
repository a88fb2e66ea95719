//! Async context managers, structured tasks and prefork servers for tokio.

pub mod cancel;
pub mod future;
pub mod task;
pub mod time;

pub use cancel::{
    CancelError, CancelErrors, CancelReason, Cancelled, cancel_and_wait, cancel_and_wait_with,
    cancelled, catch_cancel, is_cancelled, shield,
};
pub use future::{as_completed, gather, race, race_ok};
pub use task::{
    BoxError, ContextVar, Outcome, ScopeError, Supervisor, TaskContext, TaskError, TaskGroup,
    TaskGroupError, TaskHandle, TaskScope, resetting,
};
pub use time::{move_on_after, timeout, timeout_at};

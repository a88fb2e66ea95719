//! What expanded macros name. Not public API: it changes without notice.

pub use crate::context::{
    About, Body, Coroutine, Exit, Lend, Manager, Mut, Owned, Ref, ScopedManager, Spec, TimedOut,
    TimedOutAsError, TimedOutAsPanic, YieldPoint,
};

#[cfg(all(unix, feature = "server"))]
pub use crate::server::{MainContext, Signal, Worker, WorkerContext, assert_worker_context};

/// The value of a branch that is never taken. A function rather than `panic!()`, whose type would make
/// the compiler warn about code that can be seen to be unreachable.
#[must_use]
pub fn unreachable<T>() -> T {
    unreachable!("a branch that exists for its type was taken")
}

/// The future of a default manager. The bounds are on the implementation, one to a line, because the
/// compiler shows that line to someone whose manager does not meet it.
pub trait SharedFuture: Future + Send + 'static {}

impl<F> SharedFuture for F
where
    F: Future,
    F: Send,    // a manager that holds what is not `Send` is `#[actxmgr(local)]`
    F: 'static, // a manager that borrows is `#[actxmgr(scoped)]`
{
}

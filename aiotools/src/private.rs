//! What expanded macros name. Not public API: it changes without notice.

pub use crate::context::{
    About, Body, Coroutine, Exit, Lend, Manager, Mut, Owned, Ref, ScopedManager, Spec, TimedOut,
    TimedOutAsError, TimedOutAsPanic, YieldPoint,
};

#[cfg(feature = "test-util")]
pub use crate::time::VirtualClock;
pub use crate::time::{
    Timer, TimerBuilder, TimerDelayPolicy, TimerStart,
    engine::{clone_argument, start_timer},
};

#[cfg(all(feature = "macros", feature = "test-util"))]
pub use crate::runtime::run_virtual_test;
#[cfg(feature = "schedule")]
pub use crate::time::engine::schedule;

#[cfg(feature = "macros")]
pub use crate::runtime::{Flavor, run_main, run_test};

#[cfg(all(unix, feature = "server"))]
pub use crate::server::{MainContext, Signal, Worker, WorkerContext, assert_worker_context};

/// The value of a branch that is never taken. A function rather than `panic!()`, whose type would make
/// the compiler warn about code that can be seen to be unreachable.
#[must_use]
pub fn unreachable<T>() -> T {
    unreachable!("a branch that exists for its type was taken")
}

//! What expanded macros name. Not public API: it changes without notice.

pub use crate::context::{
    About, Body, Coroutine, Exit, Lend, Manager, Mut, Owned, Ref, ScopedManager, Spec, TimedOut,
    TimedOutAsError, TimedOutAsPanic, YieldPoint,
};

#[cfg(feature = "lru_cache")]
pub use crate::cache::{
    CacheInfo, CacheKey, LruCache,
    engine::{FunctionCache, borrowed_key_part, key_part},
};
#[cfg(feature = "test-util")]
pub use crate::time::VirtualClock;
pub use crate::time::{
    Timer, TimerBuilder, TimerDelayPolicy, TimerStart,
    engine::{clone_argument, start_timer},
};

#[cfg(feature = "macros")]
pub use crate::defer::{
    AsyncDefers, AwaitedCall, Defers, FallibleFn, FitsError, FitsErrorAsync, PlainCall,
    ReportsError, ReportsErrorAsync, called, fits, fits_async,
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

/// For `#[main(fork_server)]`: the first thing in `main`.
///
/// # Panics
///
/// If there cannot be one.
#[cfg(feature = "macros")]
pub fn start_fork_server<T: HasForkServer>() {
    #[cfg(all(unix, feature = "fork"))]
    if let Err(error) = crate::process::ForkServer::start() {
        panic!("the fork server cannot be started: {error}");
    }
}

/// Says what is missing.
#[cfg(feature = "macros")]
#[diagnostic::on_unimplemented(
    message = "`fork_server` needs the feature `fork` of `aiotools`, and Unix",
    label = "not available"
)]
pub trait HasForkServer {}

#[cfg(all(unix, feature = "macros", feature = "fork"))]
impl HasForkServer for () {}

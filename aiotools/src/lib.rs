//! Async context managers, structured tasks and prefork servers for tokio.
//!
//! In Rust a future can be dropped at any await, and no code that needs an `.await` runs after that. This
//! crate is for what has to run all the same: the rollback, the goodbye, the graceful stop.
//!
//! | I want to | use |
//! |---|---|
//! | write set-up and cleanup as one function | [`#[actxmgr]`](macro@actxmgr) |
//! | know how such a manager is entered and left, and what happens when it is dropped | [`context`] |
//! | write a manager by hand, or take any | [`AsyncContextManager`] |
//! | enter many managers at once, and leave them at once | [`actxgroup`] |
//! | enter managers one by one, as many as turn out to be needed | [`AsyncExitStack`] |
//! | close a connection or a stream, whatever way it is left | [`closing`] |
//! | run code at the end of a function, whatever way it ends | [`#[defer]`](macro@defer), [`#[adefer]`](macro@adefer) |
//! | wait for cleanups in the background, hear of their errors, count them | [`cleanup`] |
//! | start tasks that end with the block, and fail together | [`TaskGroup`] |
//! | start tasks that end with the block, and fail alone | [`TaskScope`], [`TaskContext`] |
//! | react to a cancellation, hold it off, or wait for one | [`catch_cancel`], [`shield`], [`cancel_and_wait`] |
//! | give up after a while, and let cleanups finish | [`timeout`], [`move_on_after`] |
//! | run many futures in parallel | [`gather`], [`race`], [`race_ok`], [`as_completed`] |
//! | hand values down to child tasks | [`context_var!`], [`resetting`] |
//! | see what is running | [`task::dump`] |
//! | call an async function every second | [`#[timer]`](macro@timer), [`create_timer`], [`time`] |
//! | cache an async function, and run it once for all who ask at the same time | `#[lru_cache]`, `LruCache` (feature `lru_cache`) |
//! | make a stream of what an async function returns | [`aiter`], [`try_aiter`] |
//! | bind some arguments of a function | [`apartial!`] |
//! | find what I know from the Python library | [`docs::coming_from_python`] |
//! | test without waiting | [`#[test(virtual_clock)]`](macro@test), `VirtualClock` |
//! | stop a program in order | [`#[main]`](macro@main) |
//! | run a function in a child process | [`afork`], [`process`] |
//! | serve from several processes that share their sockets | [`#[server]`](macro@server), [`start_server`] |
//! | run such a server: systemd, reload, upgrade, control socket | [`server::operations`](mod@server::operations) |
//! | set something up once, in the parent of the workers | [`#[main_context]`](macro@main_context) |
//!
//! # A first manager
//!
//! What stands before the `yield_!` is set-up. What stands after it is cleanup, and it always runs: after
//! success, an early return, `?`, a panic, a timeout, an abort, or a drop. It is told why.
//!
//! ```
//! use aiotools::{Exit, actxmgr};
//!
//! #[actxmgr]
//! async fn greeting(name: &'static str) -> String {
//!     println!("opening");
//!     let exit: Exit = yield_!(format!("hello, {name}"));
//!     println!("closing, because the body was {exit}");
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     // As a scope, like Python's `async with`:
//!     let length = greeting("ada").scope(async |text| text.len()).await;
//!     assert_eq!(length, 10);
//!
//!     // As a guard, which derefs to the value:
//!     let text = greeting("grace").await;
//!     assert!(text.ends_with("grace"));
//!     text.exit().await; // without this, it would close in the background
//! }
//! ```
//!
//! # Guarantees
//!
//! - **Cleanup once.** For every manager that reached its `yield_!`, the code after it is started exactly
//!   once. Once started, it is not cancelled by its caller: if the caller goes away, it goes on in the
//!   background until it is done or its [`cleanup_timeout`](macro@actxmgr) passes.
//! - **Nothing outlives its group.** The future of a [`TaskGroup`] or [`TaskScope`] is done when every child,
//!   every group inside it, and every cleanup left behind in it has ended. If that future is dropped, the
//!   children are cancelled, and the group around it waits for them in its place, or else
//!   [`cleanup::drain`].
//! - **No error is lost.** Every error and panic of a child or a cleanup reaches a caller or a handler, exactly
//!   once. The first is never hidden by a later one.
//! - **Shield.** A [`shield`]ed section is not cancelled from outside; the request is delivered behind it.
//! - **Atomic close.** A spawn belongs to the group and is waited for, or it is refused.
//! - **No blocking.** Nothing here blocks a thread of a runtime. All of it works on current-thread and
//!   multi-thread runtimes alike.
//! - **No lost connection.** A connection that the kernel has accepted for a server is served, however its
//!   workers stop.
//! - **Bounded stop.** Each wait in a shutdown has a deadline, and a next step for when it passes.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | the attributes |
//! | `test-util` | yes | `VirtualClock`, `#[test(virtual_clock)]` |
//! | `lru_cache` | no | `#[lru_cache]`, `LruCache`: caches for async functions |
//! | `schedule` | no | timers that follow the wall clock: cron expressions, time zones |
//! | `fork` | yes | [`process`], on Unix |
//! | `server` | yes | [`server`](mod@server), on Unix |
//!
//! Without the features, everything else remains.

#[cfg(feature = "lru_cache")]
pub mod cache;
pub mod cancel;
pub mod cleanup;
pub mod context;
#[cfg(feature = "macros")]
#[allow(missing_docs)]
mod defer;
pub mod docs;
pub mod future;
mod lazy;
mod partial;
#[cfg(all(unix, feature = "fork"))]
pub mod process;
#[cfg(feature = "macros")]
mod runtime;
#[cfg(all(unix, feature = "server"))]
pub mod server;
pub mod stream;
pub mod task;
pub mod time;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs)]
pub mod __private;

#[cfg(all(feature = "macros", feature = "lru_cache"))]
#[doc(inline)]
pub use aiotools_macros::lru_cache;
#[cfg(all(feature = "macros", not(feature = "lru_cache")))]
#[doc(hidden)]
pub use aiotools_macros::lru_cache_unavailable as lru_cache;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use aiotools_macros::{actxmgr, adefer, defer, main, test, timer};
#[cfg(all(unix, feature = "macros", feature = "server"))]
#[doc(inline)]
pub use aiotools_macros::{main_context, server};
#[cfg(all(feature = "macros", not(all(unix, feature = "server"))))]
#[doc(hidden)]
pub use aiotools_macros::{main_context_unavailable as main_context, server_unavailable as server};
#[cfg(feature = "lru_cache")]
#[doc(inline)]
pub use cache::LruCache;
#[doc(inline)]
pub use cancel::{
    CancelError, CancelErrors, CancelReason, Cancelled, cancel_and_wait, cancel_and_wait_with,
    cancelled, catch_cancel, is_cancelled, shield,
};
#[doc(inline)]
pub use context::{
    AsyncClose, AsyncContextManager, AsyncExitStack, Closing, ContextGroup, Exit, actxgroup,
    closing,
};
#[doc(inline)]
pub use future::{as_completed, gather, race, race_ok};
#[cfg(all(unix, feature = "fork"))]
#[doc(inline)]
pub use process::{ForkServer, Signal, afork};
#[cfg(all(unix, feature = "server"))]
#[doc(inline)]
pub use server::{Phase, Server, ServerError, WorkerContext, process_index, start_server};
#[doc(inline)]
pub use stream::{aiter, try_aiter};
#[doc(inline)]
pub use task::{
    BoxError, ContextVar, Outcome, ScopeError, Supervisor, TaskContext, TaskError, TaskGroup,
    TaskGroupError, TaskHandle, TaskScope, resetting,
};
#[cfg(feature = "test-util")]
#[doc(inline)]
pub use time::VirtualClock;
#[doc(inline)]
pub use time::{
    Timer, TimerBuilder, TimerDelayPolicy, TimerStart, create_timer, move_on_after, timeout,
    timeout_at,
};

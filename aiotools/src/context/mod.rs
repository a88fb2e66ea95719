//! Async context managers: how they are entered and left.
//!
//! A manager is a function with one `yield_!` under [`#[actxmgr]`](crate::actxmgr), or a type that
//! implements [`AsyncContextManager`]. Calling the function makes a [`Manager`] and runs nothing. From
//! there:
//!
//! | | enters | leaves |
//! |---|---|---|
//! | `m().scope(async \|value\| ..).await` | before the body | after it, with the cleanup awaited |
//! | `m().try_scope(async \|value\| ..).await` | the same, for a body that returns a `Result` | an `Err` leaves with [`Exit::Failed`] |
//! | `let g = m().await;` | here | at `g.exit().await`, or `g.exit_with(..).await` |
//!
//! # What if …
//!
//! | | the manager sees | its cleanup | its error goes to |
//! |---|---|---|---|
//! | the body returns | [`Exit::Completed`] | is awaited | the caller |
//! | the body of a `try_scope` returns `Err` | [`Exit::Failed`] | is awaited | the [error hook][hook]; the caller gets the body's |
//! | the body of a scope panics | [`Exit::Panicked`] | is awaited, then the panic goes on | the hook |
//! | the scope's future is dropped while the body runs | [`Exit::Cancelled`] | goes on in the background | the hook |
//! | a guard is dropped | [`Exit::Cancelled`], or `Panicked` if the thread is panicking | goes on in the background | the hook |
//! | an `exit` future, or a scope that is cleaning up, is dropped | what it was told | goes on in the background | the hook |
//! | the set-up returns `Err`, or is dropped | – | does not run: it was never entered | the caller |
//!
//! "In the background" is a task on the runtime on which the manager was entered, wherever the guard is
//! dropped. [`cleanup::drain`](crate::cleanup::drain) waits for all of them. If that runtime is gone, the
//! cleanup is polled once, and what is left of it then is counted and reported.
//!
//! # The kinds of manager
//!
//! | attribute | may hold | guard | allocations | dropped early, its cleanup |
//! |---|---|---|---|---|
//! | `#[actxmgr]` | what is `Send + 'static` | yes | one | goes on in a task |
//! | `#[actxmgr(local)]` | what is `'static` | yes | one | goes on in a task that stays on its thread |
//! | `#[actxmgr(scoped)]` | anything, also borrowed arguments | no | none | is polled once |
//!
//! A `local` manager that is dropped needs a current-thread runtime or a
//! [`LocalSet`](tokio::task::LocalSet) to go on in; on a worker of a multi-thread runtime outside of a
//! `LocalSet` its cleanup is polled once.
//!
//! # What a manager yields
//!
//! A value (`-> T`, `yield_!(value)`), or a loan of something that it keeps: `-> &T`, `-> &mut T`, or any
//! type with an elided lifetime, such as `-> Tx<'_>`. An elided lifetime means "for as long as the body
//! runs". A guard derefs to the value, or through the reference; it cannot deref to a `Tx<'_>`, which has
//! [`Guard::with`], [`Guard::with_mut`] and [`Guard::with_async`] instead.
//!
//! [hook]: crate::cleanup::set_error_hook

mod async_context_manager;
mod catch_unwind;
mod closing;
#[expect(
    unsafe_code,
    reason = "the coroutine; see the arguments on top of its files"
)]
pub(crate) mod coroutine;
mod enter;
mod exit;
pub(crate) mod exit_stack;
pub(crate) mod failure;
mod group;
mod guard;
mod lend;
mod managed;
mod manager;
mod mapped;
mod outcome;
#[expect(
    unsafe_code,
    reason = "lends to a body in the same future; see where it does"
)]
mod scope;
mod spec;
#[allow(missing_docs)]
mod timed_out;

pub use async_context_manager::AsyncContextManager;
#[cfg(feature = "macros")]
pub(crate) use catch_unwind::CatchUnwind;
pub(crate) use catch_unwind::Panic;
pub use closing::{AsyncClose, Closing, closing};
#[doc(hidden)]
pub use coroutine::Body;
pub(crate) use coroutine::OutputOf;
pub use coroutine::{Coroutine, YieldPoint};
pub use enter::Enter;
pub use exit::Exit;
pub use exit_stack::{AsyncExitStack, ExitStackError};
pub use group::{
    ContextGroup, EnterGroup, EnterSettled, GroupGuard, Settle, SettledGroup, actxgroup,
};
pub use guard::{ExitFuture, Guard};
pub use lend::{Lend, LendDeref, LendDerefMut, Mut, Owned, Ref};
pub(crate) use managed::{Cleanup, Kind, ManagerDriver};
pub use manager::{Manager, ScopedManager};
pub use outcome::{Outcome, OutcomeInto};
#[doc(hidden)]
pub use spec::{About, Spec};
#[doc(hidden)]
pub use timed_out::{TimedOut, TimedOutAsError, TimedOutAsPanic};

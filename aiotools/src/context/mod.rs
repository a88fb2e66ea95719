//! Async context managers.

mod catch_unwind;
#[expect(
    unsafe_code,
    reason = "the coroutine; see the argument on top of the file"
)]
pub(crate) mod coroutine;
mod enter;
mod exit;
mod guard;
mod lend;
mod managed;
mod manager;
mod outcome;
mod scope;
mod spec;
#[allow(missing_docs)]
mod timed_out;

pub(crate) use catch_unwind::Panic;
#[doc(hidden)]
pub use coroutine::Body;
pub(crate) use coroutine::OutputOf;
pub use coroutine::{Coroutine, YieldPoint};
pub use enter::Enter;
pub use exit::Exit;
pub use guard::{ExitFuture, Guard};
pub use lend::{Lend, LendDeref, LendDerefMut, Mut, Owned, Ref};
pub(crate) use managed::{Cleanup, Kind, ManagerDriver};
pub use manager::{Manager, ScopedManager};
pub use outcome::{Outcome, OutcomeInto};
#[doc(hidden)]
pub use spec::{About, Spec};
#[doc(hidden)]
pub use timed_out::{TimedOut, TimedOutAsError, TimedOutAsPanic};

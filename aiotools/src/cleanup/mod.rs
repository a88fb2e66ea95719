//! Cleanups in the background: who runs them, who waits for them, who hears of their errors.

pub(crate) mod detach;
pub(crate) mod report;
pub(crate) mod stats;
#[expect(
    unsafe_code,
    reason = "a future tied to a thread; see the argument on top of the file"
)]
mod thread_bound;
mod timed_out;
mod tracker;

pub(crate) use detach::Home;
pub use report::{CleanupError, reset_error_hook, set_error_hook};
pub use stats::{Stats, stats};
pub use timed_out::CleanupTimedOut;
pub use tracker::{Deadline, Drained, drain};

//! Time limits that ask rather than drop.

mod move_on_after;
mod timeout;

pub use move_on_after::move_on_after;
pub use timeout::{Elapsed, Timeout, TimeoutClosed, TimeoutHandle, timeout, timeout_at};

//! Cancellation as seen by the code that is cancelled, and by the code that cancels.

mod catch;
mod reason;
mod shield;
mod wait;
mod waiting;
mod wind_down;

pub use catch::{CatchCancel, catch_cancel};
pub(crate) use reason::ReasonKind;
pub use reason::{CancelReason, Cancelled};
pub use shield::{Shield, shield};
pub use wait::{CancelTarget, cancel_and_wait, cancel_and_wait_with};
pub use waiting::{CancelError, CancelErrors};
pub use wind_down::{cancelled, is_cancelled};

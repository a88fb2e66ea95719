//! Timers, time limits that ask rather than drop, and a clock for tests.

mod move_on_after;
mod timeout;
mod timer;
#[cfg(feature = "test-util")]
mod virtual_clock;
mod wall;

pub use move_on_after::move_on_after;
pub use timeout::{Elapsed, Timeout, TimeoutClosed, TimeoutHandle, timeout, timeout_at};
#[cfg(feature = "schedule")]
pub use timer::{Schedule, ScheduleError};
pub use timer::{Timer, TimerBuilder, TimerDelayPolicy, TimerStart, create_timer};
#[cfg(feature = "test-util")]
pub use virtual_clock::{VirtualClock, VirtualClockBuilder};
pub use wall::system_time;

/// What expanded macros name.
pub(crate) mod engine {
    #[cfg(feature = "schedule")]
    pub use super::timer::schedule;
    #[cfg(feature = "macros")]
    pub(crate) use super::timer::stop_detached;
    pub use super::timer::{clone_argument, start_timer};
}

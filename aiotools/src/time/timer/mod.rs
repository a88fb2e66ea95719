//! Timers: periodic async functions, any number of them in one task.
//!
//! | I want to … | use … |
//! |---|---|
//! | call an async function every second | [`#[timer]`](macro@crate::timer), or [`create_timer`] with a closure |
//! | say what happens when a tick takes longer than that | [`TimerDelayPolicy`] |
//! | handle errors, limit ticks, take the policy from a configuration | [`TimerBuilder`] |
//! | stop it, look at it, trigger it | [`Timer`] |

mod builder;
mod chunks;
mod driver;
mod drivers;
mod entry;
mod extra;
mod handle;
mod jitter;
mod policy;
mod prefetch;
mod runner;
#[cfg(feature = "schedule")]
mod schedule;
mod shared;
mod table;
mod tick;
mod wheel;
mod work;

pub use builder::{TimerBuilder, TimerStart, create_timer};
#[doc(hidden)]
pub use builder::{clone_argument, start_timer};
#[cfg(feature = "macros")]
pub(crate) use drivers::stop_detached;
pub use handle::Timer;
pub use policy::TimerDelayPolicy;
#[cfg(feature = "schedule")]
pub use schedule::{Schedule, ScheduleError, schedule};

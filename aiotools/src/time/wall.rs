//! The date.

use std::time::SystemTime;

/// What date and time it is: [`SystemTime::now`], or under a [`VirtualClock`](super::VirtualClock) the virtual date, which moves with
/// the virtual time.
///
/// Code that asks for the date here can be tested without waiting for midnight.
#[must_use]
pub fn system_time() -> SystemTime {
    #[cfg(feature = "test-util")]
    if let Some(clock) = super::VirtualClock::try_current() {
        return clock.system_time();
    }
    SystemTime::now()
}

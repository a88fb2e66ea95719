//! The date.

use std::time::SystemTime;

/// What date and time it is: [`SystemTime::now`], or under a [`VirtualClock`](super::VirtualClock) the virtual date, which moves with
/// the virtual time.
///
/// Code that asks for the date here can be tested without waiting for midnight.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "test-util")] {
/// use std::time::Duration;
/// use aiotools::{VirtualClock, time::system_time};
///
/// VirtualClock::run(async {
///     let morning = system_time();
///     tokio::time::sleep(Duration::from_secs(12 * 60 * 60)).await; // takes no time
///     assert_eq!(system_time(), morning + Duration::from_secs(12 * 60 * 60));
/// });
/// # }
/// ```
#[must_use]
pub fn system_time() -> SystemTime {
    #[cfg(feature = "test-util")]
    if let Some(clock) = super::VirtualClock::try_current() {
        return clock.system_time();
    }
    SystemTime::now()
}

//! [`Schedule`]: ticks by the wall clock.
//!
//! Time spans between two ticks are found on the wall clock of the time zone, by `croner` and `jiff`, never by adding a day of 24 hours. And
//! since a wall clock may be set, or stand still while the machine sleeps, a timer looks at it at least once a minute.

use std::{
    error::Error,
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use croner::Cron;
use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::extra::{Next, nanos};
use crate::time::system_time;

/// How long to trust that the wall clock and the monotonic clock go alike.
const LOOK: Duration = Duration::from_secs(60);

/// When a timer ticks, by the wall clock: a cron expression in a time zone.
///
/// Where clocks go forward, a tick at an hour that does not exist comes right after the gap; where they go back, a tick at a fixed hour
/// that exists twice comes once.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use aiotools::time::Schedule;
///
/// let nightly = Schedule::new("0 3 * * *")?.in_zone("Europe/Berlin")?;
/// let next = nightly.next_after(SystemTime::UNIX_EPOCH).unwrap();
/// assert_eq!(next, SystemTime::UNIX_EPOCH + Duration::from_secs(2 * 3600)); // 03:00 there
/// # Ok::<(), aiotools::time::ScheduleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Arc<Cron>,
    zone: TimeZone,
}

impl Schedule {
    /// A schedule in UTC: five fields (minute, hour, day of month, month, day of week), or six with seconds in front.
    ///
    /// # Errors
    ///
    /// If it is no cron expression.
    pub fn new(cron: &str) -> Result<Self, ScheduleError> {
        let cron = Cron::from_str(cron).map_err(|source| ScheduleError {
            what: format!("`{cron}` is not a cron expression"),
            source: Box::new(source),
        })?;
        Ok(Self {
            cron: Arc::new(cron),
            zone: TimeZone::UTC,
        })
    }

    /// The same in a time zone of the IANA database.
    ///
    /// # Errors
    ///
    /// If there is no such time zone.
    pub fn in_zone(mut self, name: &str) -> Result<Self, ScheduleError> {
        self.zone = TimeZone::get(name).map_err(|source| ScheduleError {
            what: format!("there is no time zone `{name}`"),
            source: Box::new(source),
        })?;
        Ok(self)
    }

    /// The first tick after this date. `None` if there is none.
    #[must_use]
    pub fn next_after(&self, date: SystemTime) -> Option<SystemTime> {
        let start = Zoned::new(Timestamp::try_from(date).ok()?, self.zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?;
        Some(SystemTime::from(next.timestamp()))
    }
}

/// A schedule cannot be understood.
#[derive(Debug)]
pub struct ScheduleError {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for ScheduleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// For expanded timers, whose text was checked when it was compiled.
///
/// # Panics
///
/// If the system of today has no such time zone any more.
#[track_caller]
pub fn schedule(cron: &str, zone: Option<&str>) -> Schedule {
    let schedule = Schedule::new(cron).and_then(|schedule| match zone {
        Some(zone) => schedule.in_zone(zone),
        None => Ok(schedule),
    });
    match schedule {
        Ok(schedule) => schedule,
        Err(error) => panic!("{error}"),
    }
}

/// The schedule of a running timer.
pub(super) struct Scheduled {
    schedule: Schedule,
    next: Option<SystemTime>,
}

impl Scheduled {
    pub(super) fn begin(schedule: &Schedule, now: u64) -> (Self, Next) {
        let date = system_time();
        let this = Self {
            schedule: schedule.clone(),
            next: schedule.next_after(date),
        };
        let next = this.look(date, now, false);
        (this, next)
    }

    /// The time for the last look has come.
    pub(super) fn advance(&mut self, now: u64) -> Next {
        let date = system_time();
        let is_tick = self.next.is_some_and(|next| next <= date);
        if is_tick {
            // From now, not from the tick: those that were missed are left out.
            self.next = self.schedule.next_after(date);
        }
        self.look(date, now, is_tick)
    }

    fn look(&self, date: SystemTime, now: u64, is_tick: bool) -> Next {
        let at = match self.next {
            Some(next) => {
                let left = next.duration_since(date).unwrap_or_default();
                now.saturating_add(nanos(left.min(LOOK)))
            }
            None => u64::MAX,
        };
        Next { at, is_tick }
    }
}

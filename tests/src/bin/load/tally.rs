//! What is counted.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What the clients see.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Connections that were made.
    pub(crate) connections: AtomicU64,
    /// Requests on short connections that were answered.
    pub(crate) short: AtomicU64,
    /// Requests on kept connections that were answered.
    pub(crate) kept: AtomicU64,
    /// Requests that met with the end of a kept connection and were sent again.
    pub(crate) retried: AtomicU64,
    /// Connections that were not made, after the final stop had begun.
    pub(crate) turned_away: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) reset: AtomicU64,
    pub(crate) unanswered: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) wrong: AtomicU64,
    slowest_us: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Tally {
    pub(crate) fn took(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.slowest_us.fetch_max(us, Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.short.load(Relaxed) + self.kept.load(Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        [
            &self.refused,
            &self.reset,
            &self.unanswered,
            &self.cut,
            &self.wrong,
        ]
        .map(|counter| counter.load(Relaxed))
        .iter()
        .sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |counter: &AtomicU64| counter.load(Relaxed);
        writeln!(
            f,
            "connections  {}; answered: {} on short ones, {} on kept ones",
            n(&self.connections),
            n(&self.short),
            n(&self.kept)
        )?;
        writeln!(
            f,
            "             {} sent again as the server had closed a kept connection, {} turned away after the final stop",
            n(&self.retried),
            n(&self.turned_away)
        )?;
        writeln!(
            f,
            "slowest      {:?}",
            Duration::from_micros(n(&self.slowest_us))
        )?;
        write!(
            f,
            "lost         {} (refused {}, reset {}, unanswered {}, cut {}, wrong {})",
            self.lost(),
            n(&self.refused),
            n(&self.reset),
            n(&self.unanswered),
            n(&self.cut),
            n(&self.wrong)
        )
    }
}

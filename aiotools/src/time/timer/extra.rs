//! What most timers do not need, and need not pay for.

use std::{sync::Arc, time::Duration};

use crate::task::engine::Handler;

/// The part of a timer that is there on demand.
pub(super) struct Extra {
    pub(super) name: Option<Arc<str>>,
    pub(super) handler: Handler,
    pub(super) skipped: u64,
    /// Ticks that somebody asked for.
    pub(super) triggered: u32,
    /// `Queue`: ticks that wait for the one that runs.
    pub(super) queued: u32,
    pub(super) max_queued: u32,
    /// `Accumulate`: how many ticks may run at once.
    pub(super) max_running: u32,
    /// In ns; 0 for none.
    pub(super) jitter: u64,
    /// What it adds to the next tick.
    pub(super) shift: u64,
    pub(super) random: u64,
    #[cfg(feature = "schedule")]
    pub(super) schedule: Option<super::schedule::Scheduled>,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            name: None,
            handler: Handler::Trace,
            skipped: 0,
            triggered: 0,
            queued: 0,
            max_queued: u32::MAX,
            max_running: u32::MAX,
            jitter: 0,
            shift: 0,
            random: 0,
            #[cfg(feature = "schedule")]
            schedule: None,
        }
    }
}

/// The next look at a timer with a schedule of its own.
pub(super) struct Next {
    pub(super) at: u64,
    pub(super) is_tick: bool,
}

impl Extra {
    pub(super) fn set_jitter(&mut self, jitter: Duration) {
        self.jitter = nanos(jitter);
        self.random = super::jitter::seed();
    }

    /// A new jitter for the next tick.
    pub(super) fn roll(&mut self) -> u64 {
        if self.jitter > 0 {
            self.shift = super::jitter::next(&mut self.random) % self.jitter;
        }
        self.shift
    }

    #[cfg(not(feature = "schedule"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn advance_schedule(&mut self, _: u64) -> Option<Next> {
        None
    }

    #[cfg(feature = "schedule")]
    pub(super) fn advance_schedule(&mut self, now: u64) -> Option<Next> {
        self.schedule.as_mut().map(|schedule| schedule.advance(now))
    }

    #[cfg(feature = "schedule")]
    pub(super) fn has_schedule(&self) -> bool {
        self.schedule.is_some()
    }

    #[cfg(not(feature = "schedule"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn has_schedule(&self) -> bool {
        false
    }
}

/// A duration in ns, as far as 64 bits reach: 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

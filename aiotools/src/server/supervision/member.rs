//! One worker, as far as decisions about it go.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};

use super::heartbeat::Pulse;
use crate::server::{RecycleCause, Signal, WorkerFailure, WorkerPhase, failure::How};

/// A worker process, for as long as the server lives. Unlike a pid, it is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::server) struct WorkerId(pub(super) u64);

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: WorkerId,
    pub(super) index: usize,
    /// 0 until it is forked.
    pub(super) pid: u32,
    pub(super) started: Instant,
    /// When it came to its `yield_!`.
    pub(super) ready: Option<Instant>,
    /// The signal that it was told to stop with, and on whose behalf.
    pub(super) told: Option<(Signal, Asked)>,
    /// When its time is over, and what it has not done by then. Nothing while it has no limit.
    pub(super) limit: Option<(Instant, How)>,
    /// Why and when it was killed by us.
    pub(super) killed: Option<(How, Instant)>,
    /// Whether it is alive, once it has been ready.
    pub(super) pulse: Option<Pulse>,
    /// It is to be replaced.
    pub(super) worn: bool,
    /// When it is to be replaced, and why.
    pub(super) worn_at: Option<(Instant, RecycleCause)>,
    /// Its failure has been dealt with.
    failed: bool,
    /// It said that it has come to its end.
    done: bool,
}

/// On whose behalf a worker was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The server's, which has no more need of it.
    Server,
    /// Someone's who sent a signal to this one worker.
    Worker,
}

impl Member {
    pub(super) fn new(id: WorkerId, index: usize, now: Instant) -> Self {
        Self {
            id,
            index,
            pid: 0,
            started: now,
            ready: None,
            told: None,
            limit: None,
            killed: None,
            pulse: None,
            worn: false,
            worn_at: None,
            failed: false,
            done: false,
        }
    }

    /// At its `yield_!`, and not told to leave it.
    pub(super) fn is_serving(&self) -> bool {
        self.ready.is_some() && self.told.is_none() && self.killed.is_none() && !self.failed
    }

    /// Gives it until `now + limit` for what comes next; no later than before.
    pub(super) fn limit(&mut self, now: Instant, limit: Duration, how: How) {
        if let Some(until) = now.checked_add(limit)
            && self
                .limit
                .as_ref()
                .is_none_or(|(before, _)| until < *before)
        {
            self.limit = Some((until, how));
        }
    }

    pub(super) fn done(&mut self) {
        self.done = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Takes in a failure, unless there was one before: a worker fails once.
    pub(super) fn fail(&mut self, phase: WorkerPhase, how: How) -> Option<WorkerFailure> {
        if std::mem::replace(&mut self.failed, true) {
            return None;
        }
        Some(WorkerFailure::new(self.index, self.pid, phase, how))
    }

    /// What there is to say against how it ended, that was not said before.
    pub(super) fn judge(
        &mut self,
        status: io::Result<ExitStatus>,
        runs_to_completion: bool,
    ) -> Option<WorkerFailure> {
        if self.done {
            return match self.told {
                Some((signal, Asked::Worker)) => {
                    // It was at work when that befell it.
                    self.fail(WorkerPhase::Serving, How::Stopped(signal))
                }
                _ => None,
            };
        }
        let how = match (self.killed.take(), status) {
            (Some((why, _)), _) => why,
            (None, Err(_)) => How::Lost,
            (None, Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => How::Exited(code),
                (None, signal) => How::Killed(signal.unwrap_or_default()),
            },
        };
        self.fail(self.phase(runs_to_completion), how)
    }

    /// Where in its life it is.
    pub(super) fn phase(&self, runs_to_completion: bool) -> WorkerPhase {
        match (self.ready, self.told) {
            (None, _) => WorkerPhase::Initialization,
            (Some(_), None) if !runs_to_completion => WorkerPhase::Serving,
            (Some(_), _) => WorkerPhase::Shutdown,
        }
    }
}

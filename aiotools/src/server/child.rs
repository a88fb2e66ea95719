//! One worker, as its parent sees it.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    process::ExitStatus,
};

use nix::{
    sys::signal::{SIGKILL, kill},
    unistd::Pid,
};

use super::{
    Signal, WorkerFailure, WorkerPhase,
    control::{Command, ParentEnd, Report},
    failure::How,
};
use crate::process::{pidfd_open, try_wait};

#[derive(Debug)]
pub(super) struct Child {
    pub(super) index: usize,
    pid: Pid,
    /// `None` where the system has no pidfd; SIGCHLD tells then.
    pidfd: Option<OwnedFd>,
    control: ParentEnd,
    ready: bool,
    /// The signal that it was told to stop with, and whether it was told as one of all.
    told: Option<(Signal, Asked)>,
    /// Why it was killed by us.
    killed: Option<How>,
    /// What it said about its own failure.
    failed: Option<(WorkerPhase, How)>,
    done: bool,
    reaped: bool,
    /// It does not wait for a stop.
    runs_to_completion: bool,
}

/// Who was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Server,
    Worker,
}

impl Child {
    /// Takes charge of a child that has just been forked.
    pub(super) fn new(
        index: usize,
        pid: Pid,
        control: ParentEnd,
        runs_to_completion: bool,
    ) -> Self {
        Self {
            index,
            pid,
            pidfd: None,
            control,
            ready: false,
            told: None,
            killed: None,
            failed: None,
            done: false,
            reaped: false,
            runs_to_completion,
        }
    }

    /// Watches its end by a pidfd, where there is one.
    pub(super) fn watch(&mut self) {
        self.pidfd = pidfd_open(self.pid).ok();
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Whether it has come to its `yield_!`.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.reaped
    }

    /// What to wait on for it.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let live = !self.reaped;
        let pidfd = self.pidfd.as_ref().map(|fd| fd.as_fd());
        self.control
            .fd()
            .into_iter()
            .chain(pidfd)
            .filter(move |_| live)
    }

    /// Whether its end may come without a sign: its stream has ended, as it does a little before
    /// the process, and no pidfd could be had.
    pub(super) fn must_be_watched(&self) -> bool {
        !self.reaped && self.pidfd.is_none() && self.control.fd().is_none()
    }

    /// Tells it to stop, unless it has been told.
    pub(super) fn stop(&mut self, signal: Signal, asked: Asked) {
        if self.reaped {
            return;
        }
        match &mut self.told {
            None => {
                self.told = Some((signal, asked));
                self.control.send(Command::Stop(signal));
            }
            Some((_, before)) if asked == Asked::Server => *before = Asked::Server,
            Some(_) => {}
        }
    }

    /// Kills it, unless that was done before.
    pub(super) fn kill(&mut self, why: How) {
        if !self.reaped && self.killed.is_none() {
            self.killed = Some(why);
            // The pid is the worker's for as long as it has not been reaped.
            let _ = kill(self.pid, SIGKILL);
        }
    }

    /// Takes in what it has reported; the result is the stop signals that it got itself.
    pub(super) fn listen(&mut self) -> Vec<Signal> {
        let mut asked = Vec::new();
        for report in self.control.reports() {
            match report {
                Report::Ready => {
                    self.ready = true;
                    tracing::info!(worker = self.index, pid = self.pid(), "worker is ready");
                }
                Report::Asked(signal) => asked.push(signal),
                Report::Failed {
                    phase,
                    panicked,
                    text,
                } => {
                    let how = if panicked {
                        How::Panicked(text)
                    } else {
                        How::Failed(text)
                    };
                    self.failed.get_or_insert((phase, how));
                }
                Report::Done => self.done = true,
            }
        }
        asked
    }

    /// Whether it has reported a failure of its own, and so will end.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Reaps it if it has ended. `Some` the one time that it did, with its failure if it did not
    /// end well.
    pub(super) fn try_reap(&mut self) -> Option<Option<WorkerFailure>> {
        if self.reaped {
            return None;
        }
        let status = match try_wait(self.pid) {
            Ok(None) => return None,
            Ok(Some(status)) => Ok(status),
            Err(err) => Err(err),
        };
        self.reaped = true;
        // Its last words may have come after the last look.
        self.listen();
        Some(self.judge(status))
    }

    /// Gives up on it; for a process that not even SIGKILL ends.
    pub(super) fn abandon(&mut self) -> WorkerFailure {
        self.reaped = true;
        self.failure(How::Stuck)
    }

    fn judge(&mut self, status: io::Result<ExitStatus>) -> Option<WorkerFailure> {
        if let Some((phase, how)) = self.failed.take() {
            return Some(WorkerFailure::new(self.index, self.pid(), phase, how));
        }
        if self.done {
            return match self.told {
                Some((signal, Asked::Worker)) => Some(self.failure(How::Stopped(signal))),
                _ => None,
            };
        }
        let how = match (self.killed.take(), status) {
            (Some(why), _) => why,
            (None, Err(_)) => How::Lost,
            (None, Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => How::Exited(code),
                (None, signal) => How::Killed(signal.unwrap_or_default()),
            },
        };
        Some(self.failure(how))
    }

    fn failure(&self, how: How) -> WorkerFailure {
        let phase = match (self.ready, self.told) {
            // A worker that was stopped alone was at work when that befell it.
            (true, _) if matches!(how, How::Stopped(_)) => WorkerPhase::Serving,
            (false, _) => WorkerPhase::Initialization,
            (true, None) if !self.runs_to_completion => WorkerPhase::Serving,
            (true, _) => WorkerPhase::Shutdown,
        };
        WorkerFailure::new(self.index, self.pid(), phase, how)
    }
}

//! How a worker failed.

use std::time::Duration;

use super::{Signal, WorkerPhase};

/// How one worker failed; see [`ServerError::workers`](super::ServerError::workers).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker {index} {}", .how.sentence(*.phase))]
pub struct WorkerFailure {
    index: usize,
    pid: u32,
    phase: WorkerPhase,
    how: How,
}

/// What befell a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    Failed(String),
    Panicked(String),
    /// It went away by itself, without a word.
    Exited(i32),
    /// A signal of someone else ended it.
    Killed(i32),
    /// It was asked to stop by a signal that was sent to it alone.
    Stopped(Signal),
    TimedOut(Duration),
    /// It did not come to its `yield_!` in time.
    NotReady(Duration),
    /// It did not answer for so long.
    Hung(Duration),
    /// There never was a process.
    NotForked(String),
    Forced(Signal),
    /// Not even SIGKILL ended it.
    Stuck,
    /// Someone else has waited for it, so that its exit status is lost.
    Lost,
}

impl How {
    fn sentence(&self, phase: WorkerPhase) -> String {
        let when = phase.when();
        match self {
            Self::Failed(text) => format!("failed {when}: {text}"),
            Self::Panicked(text) => format!("panicked {when}: {text}"),
            Self::Exited(code) => format!("exited with code {code} {when}"),
            Self::Killed(number) => match Signal::from_raw(*number) {
                Some(signal) => format!("was killed by {signal} {when}"),
                None => format!("was killed by signal {number} {when}"),
            },
            Self::Stopped(signal) => {
                format!("was stopped {when} by a {signal} that was sent to it alone")
            }
            Self::TimedOut(limit) => format!("did not stop within {limit:?} and was killed {when}"),
            Self::NotReady(limit) => format!("was not ready within {limit:?}"),
            Self::Hung(limit) => format!("did not answer for {limit:?} {when}"),
            Self::NotForked(text) => format!("could not be started: {text}"),
            Self::Forced(signal) => {
                format!("was killed {when}, as a second stop signal ({signal}) asked for")
            }
            Self::Lost => format!("ended {when}, and something else took its exit status"),
            Self::Stuck => format!("was sent SIGKILL {when} and is still there"),
        }
    }
}

impl WorkerFailure {
    pub(super) fn new(index: usize, pid: u32, phase: WorkerPhase, how: How) -> Self {
        Self {
            index,
            pid,
            phase,
            how,
        }
    }

    pub(super) fn renumber(&mut self, number: &dyn Fn(usize) -> usize) {
        self.index = number(self.index);
    }

    /// The worker's index, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The process id that the worker had; 0 if the system did not let it be started.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where in its life the worker failed.
    #[must_use]
    pub fn phase(&self) -> WorkerPhase {
        self.phase
    }

    /// What the worker itself said: the text of its error, with the sources of it, or of its panic.
    /// `None` if it was killed or went away without a word.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match &self.how {
            How::Failed(text) | How::Panicked(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the worker panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.how, How::Panicked(_))
    }

    /// Whether the worker did not end within [`wait_timeout`](super::Server::wait_timeout) and was
    /// killed by the parent.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.how, How::TimedOut(_))
    }

    /// Whether the worker did not come to its `yield_!` within
    /// [`ready_timeout`](super::Server::ready_timeout).
    #[must_use]
    pub fn is_not_ready(&self) -> bool {
        matches!(self.how, How::NotReady(_))
    }

    /// Whether the worker did not answer within the limit of the
    /// [heartbeat](super::Server::heartbeat).
    #[must_use]
    pub fn is_hung(&self) -> bool {
        matches!(self.how, How::Hung(_))
    }

    /// Whether the worker was killed by the parent because a second stop signal came.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        matches!(self.how, How::Forced(_))
    }

    /// The exit code of a worker that left by itself, as by [`std::process::exit`].
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match self.how {
            How::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// The number of the signal that killed the worker, where the signal did not come from the
    /// parent.
    #[must_use]
    pub fn killed_by(&self) -> Option<i32> {
        match self.how {
            How::Killed(number) => Some(number),
            _ => None,
        }
    }
}

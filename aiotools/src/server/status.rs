//! What a server looks like from inside.

use std::{fmt, time::Duration};

use super::control::Picture;

/// A server, as its parent process sees it at one moment; with what the workers say of themselves
/// where they were asked.
///
/// `Display` is the whole of it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    pub(super) wanted: usize,
    pub(super) stopping: bool,
    pub(super) reloading: bool,
    pub(super) survived: u64,
    pub(super) workers: Vec<WorkerStatus>,
}

/// One worker process, or [extra process](super::Server::extra_proc), in a [`ServerStatus`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStatus {
    pub(super) index: usize,
    pub(super) pid: u32,
    pub(super) state: WorkerState,
    pub(super) age: Duration,
    pub(super) restarts: u64,
    pub(super) extra: bool,
    /// Whether it was asked for its picture.
    pub(super) asked: bool,
    pub(super) picture: Option<Picture>,
}

/// What a worker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has not come to its `yield_!`.
    Starting,
    /// It is at its `yield_!`.
    Serving,
    /// It has been told to stop, or has failed.
    Stopping,
    /// It was sent SIGKILL, and has not ended yet.
    Killed,
}

impl ServerStatus {
    pub(super) fn renumber(&mut self, number: &dyn Fn(usize) -> usize) {
        for worker in &mut self.workers {
            worker.index = number(worker.index);
        }
    }

    /// Adds the extra processes, of which this is the status.
    pub(super) fn add_extras(&mut self, extras: Self) {
        self.survived += extras.survived;
        let extras = extras.workers.into_iter();
        self.workers.extend(extras.map(|process| WorkerStatus {
            extra: true,
            ..process
        }));
        self.workers.sort_by_key(|worker| worker.index);
    }

    /// How many workers there are to be. There may be more, while some are replaced, or fewer, when
    /// some have died.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether a stop has been decided.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether a reload is going on.
    #[must_use]
    pub fn is_reloading(&self) -> bool {
        self.reloading
    }

    /// How many failures of workers the server has survived.
    #[must_use]
    pub fn survived_failures(&self) -> u64 {
        self.survived
    }

    /// The worker processes and [extra processes](super::Server::extra_proc), by index; where there
    /// are several of an index, the one that is to serve comes first.
    #[must_use]
    pub fn workers(&self) -> &[WorkerStatus] {
        &self.workers
    }
}

impl WorkerStatus {
    /// The index of the worker.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is an [extra process](super::Server::extra_proc).
    #[must_use]
    pub fn is_extra(&self) -> bool {
        self.extra
    }

    /// What it is about.
    #[must_use]
    pub fn state(&self) -> WorkerState {
        self.state
    }

    /// How long ago it was started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// How often a worker of this index was started in the place of one that had died.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether it has answered when it was asked what it is doing, which takes it a second at most;
    /// `None` if it was not asked.
    #[must_use]
    pub fn has_answered(&self) -> Option<bool> {
        self.asked.then_some(self.picture.is_some())
    }

    /// How many requests it has [counted](super::WorkerContext::count_request); `None` if it was
    /// not asked, has not answered, or is no worker.
    #[must_use]
    pub fn requests(&self) -> Option<u64> {
        self.counts().map(|picture| picture.requests)
    }

    /// How many connections it has open, as far as it
    /// [counts](super::WorkerContext::count_connection) them; `None` if it was not asked, has not
    /// answered, or is no worker.
    #[must_use]
    pub fn connections(&self) -> Option<u64> {
        self.counts().map(|picture| picture.connections)
    }

    /// The picture of one that counts.
    fn counts(&self) -> Option<&Picture> {
        self.picture.as_ref().filter(|_| !self.extra)
    }

    /// Its [task tree](crate::task::dump), an extra process's too; `None` if it was not asked, or has
    /// not answered. What is beyond 32 KiB is cut.
    #[must_use]
    pub fn tree(&self) -> Option<&str> {
        self.picture.as_ref().map(|picture| picture.tree.as_str())
    }
}

impl fmt::Display for ServerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activity = match (self.stopping, self.reloading) {
            (true, _) => ", stopping",
            (_, true) => ", reloading",
            _ => "",
        };
        writeln!(
            f,
            "{} workers wanted, {} processes, {} failures survived{activity}",
            self.wanted,
            self.workers.len(),
            self.survived
        )?;
        self.workers.iter().try_for_each(|worker| worker.fmt(f))
    }
}

impl fmt::Display for WorkerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: pid {}, {}, {}s old, {} restarts",
            if self.extra {
                "extra process"
            } else {
                "worker"
            },
            self.index,
            self.pid,
            self.state,
            self.age.as_secs(),
            self.restarts
        )?;
        if self.has_answered() == Some(false) {
            f.write_str(", does not answer")?;
        }
        if let (Some(connections), Some(requests)) = (self.connections(), self.requests()) {
            write!(f, ", {connections} connections, {requests} requests")?;
        }
        writeln!(f)?;
        let mut lines = self.tree().unwrap_or_default().lines();
        lines.try_for_each(|line| writeln!(f, "    {line}"))
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Stopping => "stopping",
            Self::Killed => "killed",
        })
    }
}

//! The handle of a child.

use std::{
    io,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{ExitStatus, Signal, WaitError, fork_server::Remote, local::Local, watch::watch};

/// How often it is looked at a child of which no descriptor tells that it has ended.
const INTERVAL: Duration = Duration::from_millis(10);

/// A child process that [`afork`](super::afork) has started.
///
/// Dropping it leaves the child alone, unless it is to be [killed](super::Afork::kill_on_drop). A child of the fork
/// server is reaped by it in any case; one that this process forked itself is reaped later, when the next one is
/// forked or dropped.
///
/// Compared with [`tokio::process::Child`], it waits by `&self`, from any number of tasks and runtimes, as often
/// as one likes, and tells codes from signals.
#[derive(Debug)]
pub struct ChildProcess {
    origin: Origin,
    pid: i32,
    pub(super) kill_on_drop: bool,
}

#[derive(Debug)]
pub(super) enum Origin {
    Local(Local),
    Remote(Remote),
}

/// How a child ended, as far as that can be known.
pub(super) type End = Result<ExitStatus, WaitError>;

/// What is known of a child.
#[derive(Debug)]
pub(super) struct Progress {
    /// Its pid, or the error of the system.
    pub(super) started: Option<Result<i32, i32>>,
    pub(super) ready: bool,
    pub(super) end: Option<End>,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sent {
    /// It was sent.
    Delivered,
    /// The child had ended before.
    AlreadyExited,
}

impl Sent {
    pub(super) fn from_result(sent: io::Result<()>) -> io::Result<Self> {
        match sent {
            Ok(()) => Ok(Self::Delivered),
            Err(err) if err.raw_os_error() == Some(nix::libc::ESRCH) => Ok(Self::AlreadyExited),
            Err(err) => Err(err),
        }
    }
}

impl ChildProcess {
    /// A child that has perhaps not even been started; it is killed if this is dropped.
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            pid: 0,
            kill_on_drop: true,
        }
    }

    pub(super) fn set_pid(&mut self, pid: i32) {
        self.pid = pid;
    }

    /// The process id. After the child has ended it may become that of another process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// A descriptor of the child that is readable when it has ended; `None` where the system has no pidfds.
    #[must_use]
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        match &self.origin {
            Origin::Local(local) => local.pidfd(),
            Origin::Remote(remote) => remote.pidfd(),
        }
    }

    /// Sends the child a signal. It cannot reach another process that got the child's number.
    ///
    /// Where the system has no pidfds, a child of the fork server gets it from there, a little later.
    ///
    /// # Errors
    ///
    /// If the system refuses, as it does when the child has become another user. To a child that has ended, it is
    /// no error.
    pub fn send_signal(&self, signal: Signal) -> io::Result<Sent> {
        match &self.origin {
            Origin::Local(local) => local.send_signal(signal),
            Origin::Remote(remote) => remote.send_signal(signal),
        }
    }

    /// Sends `SIGKILL`.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub fn kill(&self) -> io::Result<Sent> {
        self.send_signal(Signal::KILL)
    }

    /// How the child ended, if it has.
    ///
    /// # Errors
    ///
    /// If that cannot be told; see [`WaitError`].
    pub fn try_wait(&self) -> Result<Option<ExitStatus>, WaitError> {
        self.look().end.transpose()
    }

    /// Waits until the child has ended, and tells how. From any number of tasks, and again afterwards.
    ///
    /// # Errors
    ///
    /// If that cannot be told, as the exit status was [taken](WaitError::is_taken) by someone else, or the
    /// [fork server](WaitError::is_fork_server_gone) is gone.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one without I/O and time; see [`wait_blocking`](Self::wait_blocking).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    pub async fn wait(&self) -> Result<ExitStatus, WaitError> {
        self.until(|progress| progress.end).await
    }

    /// Waits for the end of the child on this thread, for a program without a runtime.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_blocking(&self) -> Result<ExitStatus, WaitError> {
        loop {
            if let Some(end) = self.until_blocking(None, |progress| progress.end) {
                return end;
            }
        }
    }

    /// Sets whether the child is sent `SIGKILL` when this is dropped.
    pub fn kill_on_drop(&mut self, kill: bool) {
        self.kill_on_drop = kill;
    }

    fn look(&self) -> Progress {
        match &self.origin {
            Origin::Local(local) => local.look(),
            Origin::Remote(remote) => remote.look(),
        }
    }

    /// Waits until `done` finds what it looks for.
    pub(super) async fn until<T>(&self, mut done: impl FnMut(&Progress) -> Option<T>) -> T {
        if let Some(found) = done(&self.look()) {
            return found;
        }
        // A copy, as a runtime watches a descriptor once.
        let watched = match &self.origin {
            Origin::Local(local) => local.pidfd(),
            Origin::Remote(remote) => Some(remote.channel()),
        };
        let watched = watched
            .and_then(|fd| fd.try_clone_to_owned().ok())
            .and_then(|fd| watch(fd).ok());
        loop {
            // After the descriptor is watched, so that nothing comes unseen.
            if let Some(found) = done(&self.look()) {
                return found;
            }
            match &watched {
                Some(fd) => match fd.readable().await {
                    Ok(mut readable) => readable.clear_ready(),
                    Err(_) => tokio::time::sleep(INTERVAL).await,
                },
                None => tokio::time::sleep(INTERVAL).await,
            }
        }
    }

    /// The same on this thread, until the deadline.
    pub(super) fn until_blocking<T>(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&Progress) -> Option<T>,
    ) -> Option<T> {
        loop {
            if let Some(found) = done(&self.look()) {
                return Some(found);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return None;
            }
            match &self.origin {
                Origin::Local(local) => {
                    let interval = local.pidfd().is_none().then_some(INTERVAL);
                    let limit = [left, interval].into_iter().flatten().min();
                    local.with_fds(|fds| wait(fds, limit));
                }
                Origin::Remote(remote) => wait(&[remote.channel()], left),
            }
        }
    }
}

/// Waits on descriptors for as long as `limit`. That it may return earlier is for the caller to see.
fn wait(fds: &[BorrowedFd<'_>], limit: Option<Duration>) {
    let mut fds: Vec<_> = fds
        .iter()
        .map(|&fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    let limit = limit.map_or(PollTimeout::NONE, |limit| {
        // Up, so that the limit has passed afterwards.
        PollTimeout::try_from(limit + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    let _ = poll(&mut fds, limit);
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.kill_on_drop {
            let _ = self.kill();
        }
    }
}

//! One worker process, in the hands of its parent.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    process::ExitStatus,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};

use crate::{
    process::{pidfd_open, try_wait},
    server::{
        control::{Order, ParentEnd, Report},
        supervision::WorkerId,
    },
};

/// A child process of ours. Its pid is used only between its fork and its reaping, both of which
/// are done here, so it is never that of a stranger.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) id: WorkerId,
    pid: Pid,
    /// `None` where the system has no pidfd; SIGCHLD tells then.
    pidfd: Option<OwnedFd>,
    control: ParentEnd,
    reaped: bool,
    /// Not waited for any more; it is still reaped if it ends after all.
    abandoned: bool,
}

impl Child {
    /// Takes charge of a child that has just been forked.
    pub(super) fn new(id: WorkerId, pid: Pid, control: ParentEnd) -> Self {
        Self {
            id,
            pid,
            pidfd: None,
            control,
            reaped: false,
            abandoned: false,
        }
    }

    /// Watches its end by a pidfd, where there is one.
    pub(super) fn watch(&mut self) {
        self.pidfd = pidfd_open(self.pid).ok();
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.reaped
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.reaped && !self.abandoned
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
        self.is_waited_for() && self.pidfd.is_none() && self.control.fd().is_none()
    }

    pub(super) fn tell(&mut self, order: Order) {
        self.control.send(order);
    }

    pub(super) fn kill(&self, signal: Signal) {
        if !self.reaped {
            let _ = kill(self.pid, signal);
        }
    }

    /// How much memory it has, in bytes, where that can be found out.
    pub(super) fn memory(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
        Some(pages * u64::try_from(page).ok()?)
    }

    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// What it has reported since the last time.
    pub(super) fn reports(&mut self) -> Vec<Report> {
        self.control.reports()
    }

    /// Reaps it if it has ended; `Some` the one time that it did.
    pub(super) fn try_reap(&mut self) -> Option<io::Result<ExitStatus>> {
        if self.reaped {
            return None;
        }
        let ended = try_wait(self.pid).transpose();
        self.reaped = ended.is_some();
        ended
    }
}

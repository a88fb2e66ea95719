//! A child that this process forked itself, and has to reap.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

use super::{
    AforkError, ChildContext, Sent, Signal,
    channel::{self, Message},
    child::{End, Progress},
    child_main,
    error::Lost,
    fork::fork,
    pidfd::{pidfd_open, pidfd_send_signal},
    rule,
    signals::Blocked,
    waitpid::try_wait,
};

#[derive(Debug)]
pub(super) struct Local {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` when there is nothing more to be heard of the child itself.
    channel: Option<OwnedFd>,
    ready: bool,
    end: Option<End>,
}

/// The children whose handles were dropped while they ran.
static ORPHANS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Forks. Returns in the parent only.
pub(super) fn start(
    body: impl FnOnce(ChildContext) -> u8,
    arg: Vec<u8>,
    fds: Vec<OwnedFd>,
    portable: bool,
) -> Result<Local, AforkError> {
    rule::check()?;
    reap_orphans();
    let (ours, theirs) =
        channel::pair().map_err(|err| AforkError::system("make a socket pair", err))?;
    let blocked = Blocked::all().map_err(|err| AforkError::system("block the signals", err))?;
    let Some(pid) = fork()? else {
        blocked.leave();
        drop(ours);
        child_main::run(ChildContext::new(arg, fds, theirs), body)
    };
    drop(blocked);
    let pidfd = if portable { None } else { pidfd_open(pid).ok() };
    let state = Mutex::new(State {
        channel: Some(ours),
        ready: false,
        end: None,
    });
    Ok(Local { pid, pidfd, state })
}

impl Local {
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    pub(super) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(|fd| fd.as_fd())
    }

    pub(super) fn look(&self) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.listen();
        state.reap(self.pid);
        Progress {
            started: Some(Ok(self.pid())),
            ready: state.ready,
            end: state.end,
        }
    }

    /// What to wait on until it is ready or has ended; the end of a child without a pidfd is not among it.
    pub(super) fn with_fds<R>(&self, wait: impl FnOnce(&[BorrowedFd<'_>]) -> R) -> R {
        // A copy, so that the state is not locked through the wait.
        let channel = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state
                .channel
                .as_ref()
                .and_then(|channel| channel.try_clone().ok())
        };
        let channel = channel.as_ref().map(|channel| channel.as_fd());
        let fds: Vec<_> = channel.into_iter().chain(self.pidfd()).collect();
        wait(&fds)
    }

    pub(super) fn send_signal(&self, signal: Signal) -> io::Result<Sent> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A zombie takes any signal.
        state.reap(self.pid);
        if state.end.is_some() {
            return Ok(Sent::AlreadyExited);
        }
        // The lock is held, so it is not reaped in between, and the pid is still the child's.
        let sent = match &self.pidfd {
            Some(pidfd) => pidfd_send_signal(pidfd.as_fd(), signal.as_raw()),
            None => kill(self.pid, Some(signal.to_nix())).map_err(Into::into),
        };
        Sent::from_result(sent)
    }
}

impl State {
    fn listen(&mut self) {
        while let Some(channel) = &self.channel {
            match Message::receive(channel) {
                Ok(Some(Message::Ready)) => self.ready = true,
                Ok(Some(_)) => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => self.channel = None,
            }
        }
    }

    fn reap(&mut self, pid: Pid) {
        if self.end.is_some() {
            return;
        }
        let end = match try_wait(pid) {
            Ok(None) => return,
            Ok(Some(status)) => Ok(status.into()),
            Err(_) => Err(Lost::Taken.into()),
        };
        // Its last words may have come after the last look.
        self.listen();
        self.end = Some(end);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.look().end.is_none() {
            ORPHANS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.pid);
        }
        reap_orphans();
    }
}

fn reap_orphans() {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    orphans.retain(|&pid| match try_wait(pid) {
        Ok(None) => true,
        Ok(Some(_)) => false,
        Err(err) => err.raw_os_error() == Some(Errno::EINTR as i32),
    });
}

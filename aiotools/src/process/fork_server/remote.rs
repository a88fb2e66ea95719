//! A child of the fork server, as seen by who asked for it.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    process::ExitStatus,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::super::{
    Sent, Signal,
    channel::Message,
    child::{End, Progress},
    error::Lost,
    pidfd::pidfd_send_signal,
};

#[derive(Debug)]
pub(crate) struct Remote {
    channel: OwnedFd,
    pidfd: OnceLock<OwnedFd>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<Result<i32, i32>>,
    ready: bool,
    end: Option<End>,
}

impl Remote {
    pub(super) fn new(channel: OwnedFd) -> Self {
        Self {
            channel,
            pidfd: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// What to wait on for news.
    pub(crate) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    pub(crate) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.get().map(|fd| fd.as_fd())
    }

    pub(crate) fn look(&self) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.end.is_none() {
            match Message::receive(&self.channel) {
                Ok(Some(Message::Started(pid, pidfd))) => {
                    state.started = Some(Ok(pid));
                    if let Some(pidfd) = pidfd {
                        let _ = self.pidfd.set(pidfd);
                    }
                }
                Ok(Some(Message::NotStarted(errno))) => state.started = Some(Err(errno)),
                Ok(Some(Message::Ready)) => state.ready = true,
                Ok(Some(Message::Ended(status))) => {
                    state.end = Some(Ok(ExitStatus::from_raw(status).into()));
                }
                Ok(Some(Message::Taken)) => state.end = Some(Err(Lost::Taken.into())),
                Ok(Some(Message::Signal(_))) => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Ok(None) | Err(_) => state.end = Some(Err(Lost::ForkServer.into())),
            }
        }
        Progress {
            started: state.started,
            ready: state.ready,
            end: state.end,
        }
    }

    pub(crate) fn send_signal(&self, signal: Signal) -> io::Result<Sent> {
        let sent = match self.pidfd() {
            Some(pidfd) => pidfd_send_signal(pidfd, signal.as_raw()),
            // By the one process that knows for certain whether the pid is still the child's.
            None if self.look().end.is_none() => {
                match Message::Signal(signal.as_raw()).send(&self.channel) {
                    // The fork server has just closed its end, after the child had ended.
                    Err(err) if err.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Sent::AlreadyExited);
                    }
                    sent => sent,
                }
            }
            None => return Ok(Sent::AlreadyExited),
        };
        Sent::from_result(sent)
    }
}

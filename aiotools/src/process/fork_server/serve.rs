//! The fork server's own life: one thread, one loop, and all signals blocked.
//!
//! - I1. It reaps each child as soon as it has ended, and sends signals only to children that it has not reaped.
//! - I2. It ends when nobody is left who could ask it for a child, or when the process that started it ends.
//! - I3. A child keeps nothing of it: all descriptors of the fork server are closed before the child's function is
//!   entered.

use std::{
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    process::ExitStatus,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::kill,
    unistd::{Pid, geteuid},
};

use super::{
    super::{
        ChildContext, Signal,
        channel::Message,
        child_fn::Entry,
        child_main,
        fork::{ForkError, exit_now, fork},
        pidfd::pidfd_open,
        signals,
        waitpid::try_wait,
    },
    request::{self, Nothing, Received},
};

/// How often it is looked at children without a pidfd, in milliseconds.
const INTERVAL: u8 = 10;

struct Serving {
    requests: OwnedFd,
    children: Vec<Child>,
    buffer: Vec<u8>,
    user: u32,
}

struct Child {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    /// `None` when nobody wants to hear of it any more.
    channel: Option<OwnedFd>,
}

/// The life of the fork server, and of each of its children.
pub(super) fn run(requests: OwnedFd, owner: Pid) -> ! {
    super::forget();
    signals::take_handlers_off();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL);
        // It may have ended before that. In another pid namespace it has no number here.
        let parent = nix::unistd::getppid();
        if parent != owner && parent.as_raw() != 0 {
            exit_now(0);
        }
    }
    let _ = owner;
    let mut serving = Serving {
        requests,
        children: Vec::new(),
        buffer: request::buffer(),
        user: geteuid().as_raw(),
    };
    loop {
        serving.wait();
        if let Some((entry, ctx)) = serving.take_requests() {
            drop(serving);
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = nix::sys::prctl::set_pdeathsig(None);
            child_main::run(ctx, entry)
        }
        serving.listen();
        serving.reap();
    }
}

impl Serving {
    fn wait(&self) {
        let channels = self
            .children
            .iter()
            .filter_map(|child| child.channel.as_ref());
        let pidfds = self
            .children
            .iter()
            .filter_map(|child| child.pidfd.as_ref());
        let mut fds: Vec<_> = [&self.requests]
            .into_iter()
            .chain(channels)
            .chain(pidfds)
            .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
            .collect();
        let blind = self.children.iter().any(|child| child.pidfd.is_none());
        let timeout = if blind {
            PollTimeout::from(INTERVAL)
        } else {
            PollTimeout::NONE
        };
        let _ = poll(&mut fds, timeout);
    }

    /// Forks for each request; the result is what to do in a child.
    fn take_requests(&mut self) -> Option<(Entry, ChildContext)> {
        loop {
            match request::receive(&self.requests, self.user, &mut self.buffer) {
                Ok(received) => {
                    if let Some(child) = self.fork(received) {
                        return Some(child);
                    }
                }
                Err(Nothing::Yet) => return None,
                Err(Nothing::End) => exit_now(0),
                Err(Nothing::Refused(channel, errno)) => {
                    if let Some(channel) = channel {
                        let _ = Message::NotStarted(errno as i32).send(&channel);
                    }
                }
            }
        }
    }

    fn fork(&mut self, received: Received) -> Option<(Entry, ChildContext)> {
        let Received {
            entry,
            portable,
            arg,
            channel,
            fds,
        } = received;
        match fork() {
            Ok(None) => return Some((entry, ChildContext::new(arg, fds, channel))),
            Ok(Some(pid)) => {
                let pidfd = if portable { None } else { pidfd_open(pid).ok() };
                let copy = pidfd.as_ref().and_then(|pidfd| pidfd.try_clone().ok());
                let _ = Message::Started(pid.as_raw(), copy).send(&channel);
                self.children.push(Child {
                    pid,
                    pidfd,
                    channel: Some(channel),
                });
            }
            Err(err) => {
                let errno = match err {
                    ForkError::System(err) => err.raw_os_error(),
                    ForkError::Threads(_) => None,
                };
                let errno = errno.unwrap_or(nix::libc::EAGAIN);
                let _ = Message::NotStarted(errno).send(&channel);
            }
        }
        None
    }

    /// Sends the signals that were asked for.
    fn listen(&mut self) {
        for child in &mut self.children {
            while let Some(channel) = &child.channel {
                match Message::receive(channel) {
                    Ok(Some(Message::Signal(number))) => {
                        if let Some(signal) = Signal::from_raw(number) {
                            let _ = kill(child.pid, signal.to_nix());
                        }
                    }
                    Ok(Some(_)) => {}
                    Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => break,
                    Ok(None) | Err(_) => child.channel = None,
                }
            }
        }
    }

    fn reap(&mut self) {
        self.children.retain(|child| {
            let message = match try_wait(child.pid) {
                Ok(None) => return true,
                Ok(Some(status)) => Message::Ended(ExitStatus::into_raw(status)),
                Err(_) => Message::Taken,
            };
            if let Some(channel) = &child.channel {
                let _ = message.send(channel);
            }
            false
        });
    }
}

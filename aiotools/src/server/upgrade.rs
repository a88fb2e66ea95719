//! Another program, or another version of it, in the place of this server, without closing a socket.
//!
//! # What happens
//!
//! 1. The old server forks, and the child becomes the new program. It inherits the listeners by the
//!    protocol of `sd_listen_fds(3)`, and one end of a stream, of which `AIOTOOLS_UPGRADE` tells.
//! 2. The new server starts as any other one, but the sockets are not its own yet: however it ends,
//!    it leaves them as they are.
//! 3. When all its workers are ready, it says so on the stream, and which of the sockets it has no
//!    use for.
//! 4. The old server gives the sockets away on the stream, tells the service manager, closes the
//!    stream, and stops: its workers finish what they have. The new one takes the sockets over. They
//!    are the same, so there is no moment in which nobody listens. It speaks to the service manager
//!    from the end of the stream on: before, it would not be heard. Those that it has no use for stay with the old
//!    one, which stops to listen there as at any stop: the door is shut, and what waits is served.
//!
//! # Invariants
//!
//! - U1. The sockets belong to exactly one of the two: to the old one until it has given them away,
//!   or is gone; then to the new one. So the old one keeps its end of the stream open until the new
//!   one has ended or has them.
//! - U2. If the new one ends, or is not ready in time and so is ended, the old one goes on as if
//!   nothing had happened.
//! - U3. The new one is a child of the old one, and outlives it.

use std::{
    ffi::{CString, OsString},
    io::{self, ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            net::UnixStream,
            process::ExitStatusExt as _,
        },
    },
    path::Path,
    process::ExitStatus,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, execve},
};

use super::{environment, inherited};
use crate::process::{ForkError, exit_now, fork, pidfd_open, try_wait};

const VARIABLE: &str = "AIOTOOLS_UPGRADE";
/// From the new one, before it is ready, followed by a number of two bytes: this socket, of those
/// that were passed, is of no use to it.
const UNWANTED: u8 = b'N';
/// From the new one: its workers are ready.
const READY: u8 = b'R';
/// From the new one, followed by text: it could not be started.
const FAILED: u8 = b'F';
/// From the old one: the sockets are yours.
const YOURS: u8 = b'Y';
/// How often it is looked at a process whose end nothing tells of.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// The new server, as the old one sees it. Killed when dropped, unless it was
/// [given the sockets](Self::hand_over).
#[derive(Debug)]
pub(super) struct Successor {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    stream: UnixStream,
    said: Vec<u8>,
    /// It has closed its end.
    silent: bool,
    until: Instant,
    /// Why it is being ended.
    ending: Option<String>,
    ended: bool,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// These of the sockets, by number, are of no use to it.
    Ready(Vec<u16>),
    Failed(String),
}

/// What goes with the program.
pub(super) struct Luggage<'a> {
    pub(super) sockets: Vec<(String, BorrowedFd<'a>)>,
    /// The variables for the process with this id.
    pub(super) variables: &'a dyn Fn(u32) -> Vec<(&'static str, String)>,
    /// Gives the new process the signal mask that this one had.
    pub(super) restore_signals: &'a dyn Fn(),
}

impl Successor {
    /// Starts `program`, which has `limit` to get ready.
    pub(super) fn start(
        program: &Path,
        luggage: &Luggage<'_>,
        limit: Duration,
    ) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        match fork() {
            Ok(None) => become_successor(program, luggage, &theirs),
            Ok(Some(pid)) => Ok(Self {
                pid,
                pidfd: pidfd_open(pid).ok(),
                stream,
                said: Vec::new(),
                silent: false,
                until: after(limit),
                ending: None,
                ended: false,
            }),
            Err(ForkError::Threads(count)) => Err(io::Error::other(format!(
                "the parent has {count} threads, and must have one"
            ))),
            Err(ForkError::System(err)) => Err(err),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// What to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let stream = (!self.silent).then(|| self.stream.as_fd());
        let pidfd = self.pidfd.as_ref().map(|fd| fd.as_fd());
        stream.into_iter().chain(pidfd)
    }

    /// When to call [`turn`](Self::turn) even if nothing happens.
    pub(super) fn deadline(&self) -> Instant {
        if self.silent && self.pidfd.is_none() {
            self.until.min(after(WATCH_INTERVAL))
        } else {
            self.until
        }
    }

    /// Sees how far it is. One that is not ready in time is told to stop, and killed if it has not
    /// done so within `patience`.
    pub(super) fn turn(&mut self, now: Instant, patience: Duration) -> Option<Outcome> {
        let mut chunk = [0; 1024];
        while !self.silent {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.silent = true,
                Ok(n) => self.said.extend_from_slice(&chunk[..n]),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.silent = true,
            }
        }
        if let Some(status) = try_wait(self.pid).transpose() {
            self.ended = true;
            return Some(Outcome::Failed(self.failure(status.ok())));
        }
        if self.ending.is_none()
            && let Some(unwanted) = self.ready()
        {
            return Some(Outcome::Ready(unwanted));
        }
        if self.until <= now {
            match self.ending {
                None => self.end("it was not ready in time", patience),
                Some(_) => {
                    self.until = after(patience);
                    let _ = kill(self.pid, Signal::SIGKILL);
                }
            }
        }
        None
    }

    /// Once it has said that it is ready: what it has no use for.
    fn ready(&self) -> Option<Vec<u16>> {
        let mut unwanted = Vec::new();
        let mut rest = self.said.as_slice();
        while let [UNWANTED, low, high, tail @ ..] = rest {
            unwanted.push(u16::from_le_bytes([*low, *high]));
            rest = tail;
        }
        (rest.first() == Some(&READY)).then_some(unwanted)
    }

    /// Has it stop, as it is not wanted any more.
    pub(super) fn end(&mut self, why: &str, patience: Duration) {
        if self.ending.is_none() {
            self.ending = Some(why.to_owned());
            self.until = after(patience);
            // It is a child that has not been waited for.
            let _ = kill(self.pid, Signal::SIGTERM);
        }
    }

    fn failure(&mut self, status: Option<ExitStatus>) -> String {
        if let Some(why) = self.ending.take() {
            return why;
        }
        if let [FAILED, text @ ..] = self.said.as_slice() {
            return String::from_utf8_lossy(text).into_owned();
        }
        match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => format!("it exited with code {code}"),
            Some((None, Some(signal))) => format!("it was killed by signal {signal}"),
            _ => "it ended".to_owned(),
        }
    }

    /// In a process that is not its parent.
    pub(super) fn forget(mut self) {
        self.ended = true;
    }

    /// Gives the sockets away.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub(super) fn hand_over(&mut self) -> io::Result<()> {
        self.stream.write_all(&[YOURS])?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = nix::sys::wait::waitpid(self.pid, None);
        }
    }
}

/// A time too far away to be told is an age away.
fn after(limit: Duration) -> Instant {
    const AGE: Duration = Duration::from_secs(1 << 30);
    Instant::now() + limit.min(AGE)
}

/// In the child: becomes the program.
fn become_successor(program: &Path, luggage: &Luggage<'_>, stream: &UnixStream) -> ! {
    let failed = |mut stream: &UnixStream, err: &io::Error| {
        let text = format!("cannot run {}: {err}", program.display());
        let _ = stream.write_all(&[&[FAILED], text.as_bytes()].concat());
    };
    match prepare(program, luggage, stream) {
        Ok((program, args, variables, spare)) => {
            (luggage.restore_signals)();
            let Err(err) = execve(&program, &args, &variables);
            // The stream itself has been overwritten.
            failed(&spare, &err.into());
        }
        Err(err) => failed(stream, &err),
    }
    exit_now(127)
}

type Prepared = (CString, Vec<CString>, Vec<CString>, UnixStream);

fn prepare(program: &Path, luggage: &Luggage<'_>, stream: &UnixStream) -> io::Result<Prepared> {
    let pid = std::process::id();
    let (names, mut fds): (Vec<_>, Vec<_>) = luggage.sockets.iter().cloned().unzip();
    fds.push(stream.as_fd());
    let at = environment::FIRST + i32::try_from(names.len()).map_err(io::Error::other)?;
    let mut variables = (luggage.variables)(pid);
    variables.extend(inherited::variables(pid, &names));
    variables.push((VARIABLE, format!("{pid}:{at}")));
    let set = |name: &OsString| variables.iter().any(|(own, _)| name == own);
    let kept = std::env::vars_os().filter(|(name, _)| !set(name));
    let others = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let pair = |(mut name, value): (OsString, OsString)| {
        name.push("=");
        name.push(value);
        CString::new(name.into_vec()).map_err(Into::into)
    };
    let environment: Vec<_> = kept.chain(others).map(pair).collect::<io::Result<_>>()?;
    let args: Vec<_> = std::env::args_os()
        .map(|arg| CString::new(arg.into_vec()).map_err(Into::into))
        .collect::<io::Result<_>>()?;
    let program = CString::new(program.as_os_str().as_bytes())?;
    let spare = environment::pass_descriptors(&fds)?;
    Ok((program, args, environment, spare.into()))
}

/// The old server, as the new one sees it.
#[derive(Debug)]
pub(super) struct Predecessor {
    stream: UnixStream,
    /// The sockets that are left to it, by number.
    unwanted: Vec<u16>,
    state: State,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// It is the server.
    Serving,
    /// It has given the sockets away.
    Given,
    /// It has told the service manager of it, or has ended.
    Gone,
}

impl Predecessor {
    /// The server whose place this one is to take; `None` if it was started in any other way.
    pub(super) fn take() -> io::Result<Option<Self>> {
        let Some(value) = environment::take_variable(VARIABLE) else {
            return Ok(None);
        };
        let number = value.split_once(':').and_then(|(pid, fd)| {
            (pid.parse() == Ok(std::process::id())).then(|| fd.parse().ok())?
        });
        let Some(number) = number else {
            return Ok(None);
        };
        let stream = UnixStream::from(environment::passed_descriptor(number)?);
        stream.set_nonblocking(true)?;
        Ok(Some(Self {
            stream,
            unwanted: Vec::new(),
            state: State::Serving,
        }))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Leaves it these sockets, which are of no use here.
    pub(super) fn leave(&mut self, unwanted: impl Iterator<Item = u16>) {
        self.unwanted = unwanted.collect();
    }

    /// The workers are ready.
    pub(super) fn tell_ready(&mut self) {
        let mut bytes = Vec::new();
        for number in &self.unwanted {
            bytes.push(UNWANTED);
            bytes.extend(number.to_le_bytes());
        }
        bytes.push(READY);
        let _ = self.stream.write_all(&bytes);
    }

    /// Whether the sockets are ours.
    pub(super) fn has_given(&self) -> bool {
        self.state >= State::Given
    }

    /// Whether there is nothing left to wait for.
    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Hears what it has to say.
    pub(super) fn turn(&mut self) {
        let mut byte = [0];
        while !self.is_gone() {
            self.state = match self.stream.read(&mut byte) {
                Ok(1..) => State::Given,
                Err(err) if err.kind() == ErrorKind::Interrupted => self.state,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => State::Gone,
            };
        }
    }
}

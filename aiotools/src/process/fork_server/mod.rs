//! The process that forks for programs that cannot.
//!
//! Whoever wants a child sends one packet to the fork server: what to run, with what, and a descriptor on which to
//! hear about it ([`channel`]). Nothing goes back on this socket, so that all forks of the program can share it.

mod remote;
mod request;
mod serve;

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::{Pid, getpid},
};

pub(super) use remote::Remote;
pub(super) use request::{LONGEST_ARG, Request};

use super::{
    AforkError, channel, child_fn::Entry, error::Kind, fork::fork, rule, signals::Blocked,
    waitpid::try_wait,
};

/// The small process that makes the children of a program that uses tokio; see [the module](super).
///
/// ```
/// use aiotools::{afork, process::ForkServer};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     ForkServer::start()?; // first thing
///     let runtime = tokio::runtime::Runtime::new()?;
///     runtime.block_on(async {
///         let child = afork(|| 3).await?;
///         assert_eq!(child.wait().await?.code(), Some(3));
///         Ok(())
///     })
/// }
/// ```
///
/// It is not a guard: the fork server lives for as long as the process that started it, and is killed with it.
/// Until then it ignores all signals that can be ignored, so that Ctrl-C and service managers leave it to the program
/// when to stop.
#[derive(Debug, Clone, Copy)]
pub struct ForkServer {
    pid: Pid,
}

/// The fork server that this process, or one of which it is a fork, has started.
static CLIENT: Mutex<Option<Arc<Client>>> = Mutex::new(None);

#[derive(Debug)]
struct Client {
    requests: OwnedFd,
    pid: Pid,
    /// Who started it, and so can reap it.
    owner: Pid,
}

impl ForkServer {
    /// Starts the fork server of this process, unless it has one.
    ///
    /// Workers of a [server](mod@crate::server) that are forked afterwards use the one of their parent.
    ///
    /// # Errors
    ///
    /// If this process [must not be forked](AforkError::is_refused) any more, as it has threads or uses tokio; where there
    /// are no sequenced packets, which is outside of Linux; or if the system fails.
    pub fn start() -> Result<Self, AforkError> {
        let mut client = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(Self { pid: client.pid });
        }
        rule::check()?;
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Err(AforkError::system("start a fork server", unsupported()));
        }
        let (ours, theirs) =
            channel::pair().map_err(|err| AforkError::system("make a socket pair", err))?;
        request::ask_for_user(&theirs)
            .map_err(|err| AforkError::system("have the users of requests told", err))?;
        let blocked = Blocked::all().map_err(|err| AforkError::system("block the signals", err))?;
        let owner = getpid();
        let Some(pid) = fork()? else {
            // They stay blocked in the fork server.
            blocked.leave();
            drop(client);
            drop(ours);
            serve::run(theirs, owner)
        };
        *client = Some(Arc::new(Client {
            requests: ours,
            pid,
            owner,
        }));
        Ok(Self { pid })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }
}

fn client() -> Option<Arc<Client>> {
    CLIENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// What is to be sent to the fork server for a child, and the other end of it; without a fork server, the descriptors come
/// back.
pub(super) fn request(
    entry: Entry,
    arg: &[u8],
    fds: Vec<OwnedFd>,
    portable: bool,
) -> Result<Result<(Remote, Request), Vec<OwnedFd>>, AforkError> {
    let Some(client) = client() else {
        return Ok(Err(fds));
    };
    let (ours, theirs) =
        channel::pair().map_err(|err| AforkError::system("make a socket pair", err))?;
    let request = Request::new(client, entry, portable, arg, theirs, fds);
    Ok(Ok((Remote::new(ours), request)))
}

/// Why a request was not taken.
pub(super) fn not_sent(err: io::Error) -> AforkError {
    match err.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            if let Some(client) = client()
                && client.owner == getpid()
            {
                // So that it is no zombie.
                let _ = try_wait(client.pid);
            }
            Kind::ForkServer.into()
        }
        _ => AforkError::system("ask the fork server", err),
    }
}

/// Why the fork server did not start a child.
pub(super) fn not_started(errno: i32) -> AforkError {
    match errno {
        nix::libc::EPERM => Kind::OtherUser.into(),
        errno => AforkError::system("fork", io::Error::from_raw_os_error(errno)),
    }
}

/// Waits until the fork server can take a request, on this thread.
pub(super) fn wait_for_room() {
    if let Some(client) = client() {
        let mut fds = [PollFd::new(client.requests.as_fd(), PollFlags::POLLOUT)];
        let _ = poll(&mut fds, PollTimeout::from(10_u8));
    }
}

/// In a fork server, and so in its children: there is none for this process.
fn forget() {
    *CLIENT.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

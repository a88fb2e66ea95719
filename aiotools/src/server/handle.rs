//! Asking a running server for something, from its own processes.
//!
//! The requests go through a pipe, each in one write that the kernel does not divide, so that any
//! process which has a copy of the handle may write at any time.

use std::{
    fmt,
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::supervision::Command;

/// Asks a running server to stop, to reload or to change the number of its workers; from
/// [`Server::handle`](super::Server::handle).
///
/// It is for the processes of the server: for what the parent calls, such as
/// [`Server::on_event`](super::Server::on_event), and for workers, which have a copy of it if it
/// was made before they were forked. The [arguments](super::Server::args) are a good way to hand it
/// to them.
///
/// A request is sent, not waited for; what comes of it is told to
/// [`on_event`](super::Server::on_event) and [`on_phase`](super::Server::on_phase). One that is
/// made before the server runs is obeyed as soon as it does.
///
/// Whoever has a handle has the say over the whole server. As any copy of it is inherited by the
/// workers, a server whose workers are not trusted should make none.
///
/// # Examples
///
/// ```no_run
/// use aiotools::{ServerError, WorkerContext, server::ServerHandle};
///
/// #[aiotools::server]
/// async fn worker(ctx: WorkerContext<(), ServerHandle>) -> std::io::Result<()> {
///     let admin = tokio::spawn(async move {
///         // when an administrator asks for it ..
///         ctx.args().reload()
///     });
///     yield_!();
///     admin.abort();
///     Ok(())
/// }
///
/// fn main() -> Result<(), ServerError> {
///     let mut server = aiotools::start_server(worker);
///     let handle = server.handle().expect("a pipe");
///     server.args(handle).run()
/// }
/// ```
///
/// In a test of a server, in a process of its own, it stands in for the signal:
///
/// ```no_run
/// # use aiotools::{ServerError, WorkerContext};
/// # #[aiotools::server]
/// # async fn worker(ctx: WorkerContext) { yield_!(); }
/// # fn main() -> Result<(), ServerError> {
/// let mut server = aiotools::start_server(worker);
/// let handle = server.handle().expect("a pipe");
/// server.on_ready(move |_| handle.stop().expect("it is running")).run()
/// # }
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    pipe: Arc<PipeWriter>,
}

impl ServerHandle {
    /// Has the server stop, as on a stop signal. During a stop this is without effect.
    ///
    /// # Errors
    ///
    /// If the server has ended, or thousands of requests wait for it.
    pub fn stop(&self) -> io::Result<()> {
        self.send(b'S', 0)
    }

    /// Has the server replace its workers, one after the other; see [reload](super#reload). During
    /// a reload, one more will follow.
    ///
    /// # Errors
    ///
    /// If the server has ended, or thousands of requests wait for it.
    pub fn reload(&self) -> io::Result<()> {
        self.send(b'R', 0)
    }

    /// Has another server take the place of this one; see [upgrade](super#upgrade).
    ///
    /// # Errors
    ///
    /// If the server has ended, or thousands of requests wait for it.
    pub fn upgrade(&self) -> io::Result<()> {
        self.send(b'U', 0)
    }

    /// Has the server run `workers` workers from now on; of more than 1024, as many as that.
    ///
    /// # Errors
    ///
    /// If `workers` is 0 ([`ErrorKind::InvalidInput`](io::ErrorKind::InvalidInput)), if the server
    /// has ended, or if thousands of requests wait for it.
    pub fn scale(&self, workers: usize) -> io::Result<()> {
        if workers == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a server needs at least 1 worker: use `stop` to end it",
            ));
        }
        self.send(b'N', workers)
    }

    /// Has the server tell what it and its workers are doing, as
    /// [`ServerEvent::Inspected`](super::ServerEvent::Inspected), which is also logged.
    ///
    /// # Errors
    ///
    /// If the server has ended, or thousands of requests wait for it.
    pub fn inspect(&self) -> io::Result<()> {
        self.send(b'I', 0)
    }

    fn send(&self, tag: u8, number: usize) -> io::Result<()> {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        let mut message = [0; MESSAGE];
        message[0] = tag;
        message[1..].copy_from_slice(&number.to_le_bytes());
        loop {
            match (&*self.pipe).write(&message) {
                Ok(_) => return Ok(()),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) if err.kind() == io::ErrorKind::BrokenPipe => {
                    return Err(io::Error::new(err.kind(), "the server has ended"));
                }
                Err(err) => return Err(err),
            }
        }
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}

/// A tag and a number.
const MESSAGE: usize = 9;

/// The end of the pipe at which the server reads.
pub(super) struct Requests {
    pipe: PipeReader,
    /// So that the pipe has no end while the server lives.
    handle: ServerHandle,
}

impl Requests {
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        for end in [read.as_fd(), write.as_fd()] {
            let flags = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL)?);
            fcntl(end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self {
            pipe: read,
            handle: ServerHandle {
                pipe: Arc::new(write),
            },
        })
    }

    pub(super) fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The next request; `None` when there is none for now.
    pub(super) fn next(&mut self) -> Option<Command> {
        let mut message = [0; MESSAGE];
        loop {
            match self.pipe.read(&mut message) {
                Ok(MESSAGE) => {}
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                _ => return None,
            }
            let [tag, number @ ..] = message;
            let number = usize::try_from(u64::from_le_bytes(number)).unwrap_or(usize::MAX);
            match tag {
                b'S' => return Some(Command::Stop),
                b'R' => return Some(Command::Reload),
                b'U' => return Some(Command::Upgrade),
                b'I' => return Some(Command::Inspect),
                b'N' => return Some(Command::Scale(number)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_requests_arrive_in_order() {
        let mut requests = Requests::new().unwrap();
        let handle = requests.handle();
        assert_eq!(requests.next(), None);
        handle.reload().unwrap();
        handle.clone().scale(7).unwrap();
        handle.inspect().unwrap();
        handle.stop().unwrap();
        assert_eq!(requests.next(), Some(Command::Reload));
        assert_eq!(requests.next(), Some(Command::Scale(7)));
        assert_eq!(requests.next(), Some(Command::Inspect));
        assert_eq!(requests.next(), Some(Command::Stop));
        assert_eq!(requests.next(), None);
    }

    #[test]
    fn handle_never_blocks() {
        let requests = Requests::new().unwrap();
        let handle = requests.handle();
        let err = loop {
            if let Err(err) = handle.reload() {
                break err;
            }
        };
        assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
        drop(requests);
        assert_eq!(
            handle.stop().unwrap_err().to_string(),
            "the server has ended"
        );
        assert_eq!(
            handle.scale(0).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}

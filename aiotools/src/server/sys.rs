//! The system calls of the server that have no safe wrapper: the one file of it that holds
//! `unsafe`.
//!
//! Each function here is safe to call; what makes it so stands at the block.
#![expect(
    unsafe_code,
    reason = "fork, pidfd_open, waitpid and sigaction have no safe wrapper"
)]

use std::{
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::ExitStatus,
    sync::atomic::{AtomicI32, Ordering},
};

use nix::{
    errno::Errno,
    libc,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal},
    unistd::{ForkResult, Pid},
};

/// Why a process was not forked.
pub(super) enum ForkError {
    /// The process has this many threads.
    Threads(usize),
    System(io::Error),
}

/// Forks. `None` is returned in the child.
pub(super) fn fork() -> Result<Option<Pid>, ForkError> {
    let threads = thread_count();
    if threads > 1 {
        return Err(ForkError::Threads(threads));
    }
    // What is in buffers would be written by each of the processes.
    let _ = io::Write::flush(&mut io::stdout());
    // SAFETY: with a null stream, fflush(3) writes out all output streams of C, which is always
    // allowed.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    // SAFETY: The child of a process with several threads may only call async-signal-safe
    // functions, since another thread may have held any lock at the time. There is no other thread:
    // they have just been counted, and the only thread that could have started another one since is
    // this one. Where they cannot be counted, `Server::run` asks for it in its documentation.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Some(child)),
        Ok(ForkResult::Child) => Ok(None),
        Err(err) => Err(ForkError::System(err.into())),
    }
}

/// How many threads this process has; 1 where it cannot be found out.
pub(super) fn thread_count() -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        std::fs::read_dir("/proc/self/task")
            .map_or(1, Iterator::count)
            .max(1)
    } else {
        1
    }
}

/// A descriptor that becomes readable when the child `pid` has ended.
///
/// `pid` must be a child that has not been waited for, or the descriptor may be that of a stranger.
pub(super) fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use std::os::fd::FromRawFd as _;
        // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
        let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just opened `fd` for this call, close-on-exec, so nothing else
        // owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = pid;
        Err(Errno::ENOSYS.into())
    }
}

/// Reaps the child `pid` if it has ended. Unlike the wrapper of nix, it knows children that ended
/// by a real-time signal.
pub(super) fn try_wait(pid: Pid) -> io::Result<Option<ExitStatus>> {
    let mut status = 0;
    loop {
        // SAFETY: `status` lives through the call, and waitpid(2) writes one int to it.
        match Errno::result(unsafe { libc::waitpid(pid.as_raw(), &raw mut status, libc::WNOHANG) })
        {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(ExitStatus::from_raw(status))),
            Err(Errno::EINTR) => {}
            Err(err) => return Err(err.into()),
        }
    }
}

/// What a signal did before; puts it back when dropped.
#[derive(Debug)]
pub(super) struct Disposition {
    signal: Signal,
    before: SigAction,
}

impl Disposition {
    /// Gives `signal` its default action, so that children are left to be waited for even where the
    /// caller ignores SIGCHLD.
    pub(super) fn default(signal: Signal) -> nix::Result<Self> {
        Self::set(
            signal,
            &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty()),
        )
    }

    /// Has `signal` write its number to the pipe of [`self_pipe`].
    pub(super) fn to_pipe(signal: Signal) -> nix::Result<Self> {
        Self::set(
            signal,
            &SigAction::new(
                SigHandler::Handler(write_to_pipe),
                SaFlags::SA_RESTART,
                SigSet::all(),
            ),
        )
    }

    fn set(signal: Signal, action: &SigAction) -> nix::Result<Self> {
        // SAFETY: `action` is the default action or `write_to_pipe`, which does only what a handler
        // may do. The action that comes back is kept as it is, to be put back; it is never called
        // from here.
        let before = unsafe { nix::sys::signal::sigaction(signal, action) }?;
        Ok(Self { signal, before })
    }
}

impl Drop for Disposition {
    fn drop(&mut self) {
        // SAFETY: what is put back is what the process had before; whoever installed it vouched for
        // it then.
        let _ = unsafe { nix::sys::signal::sigaction(self.signal, &self.before) };
    }
}

/// Where [`write_to_pipe`] writes; -1 for nowhere.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// The write end of the pipe for signals, for as long as this lives.
#[derive(Debug)]
pub(super) struct PipeWriter {
    _stream: UnixStream,
}

/// Makes the pipe that [`Disposition::to_pipe`] writes to and returns both of its ends,
/// non-blocking. One at a time.
pub(super) fn self_pipe() -> io::Result<(UnixStream, PipeWriter)> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    write.set_nonblocking(true)?;
    // Relaxed: the handlers run on the thread that stores here.
    PIPE.store(write.as_raw_fd(), Ordering::Relaxed);
    Ok((read, PipeWriter { _stream: write }))
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        PIPE.store(-1, Ordering::Relaxed);
    }
}

extern "C" fn write_to_pipe(number: libc::c_int) {
    let errno = Errno::last_raw();
    let byte = u8::try_from(number).unwrap_or(0);
    // SAFETY: write(2) may be called in a signal handler; the buffer is one byte on this stack; a
    // descriptor of -1 is an error without effect. A full pipe loses nothing that matters, as then
    // there is enough to read already.
    unsafe { libc::write(PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    Errno::set_raw(errno);
}

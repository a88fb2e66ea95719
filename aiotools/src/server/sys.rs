//! The system calls around signals that have no safe wrapper.
//!
//! Each function here is safe to call; what makes it so stands at the block.
#![expect(
    unsafe_code,
    reason = "sigaction(2) has no safe wrapper, and a handler writes"
)]

use std::{
    io,
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    sync::atomic::{AtomicI32, Ordering},
};

use nix::{
    errno::Errno,
    libc,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal},
};

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

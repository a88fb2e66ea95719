//! The signals that reach the parent, as a descriptor that its loop can wait on.
//!
//! From [`SignalQueue::open`] until it is dropped, the stop signals are taken out of the hands of
//! the process: blocked and read from a signalfd where there is one, else written by a handler to a
//! pipe. Either way none that is sent in between is lost, and both the mask and the dispositions
//! are afterwards what they were before.

use std::{
    io::{self, Read as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollTimeout, poll},
    sys::signal::{SigSet, SigmaskHow},
};

use super::{Signal, sys};

/// See the module.
#[derive(Debug)]
pub(super) struct SignalQueue {
    // Fields are dropped in this order: while handlers and descriptors go, the signals are still
    // blocked.
    source: Source,
    _children: sys::Disposition,
    /// `None` once it was handed out to a worker.
    mask: Option<SavedMask>,
    taken: SigSet,
}

#[derive(Debug)]
enum Source {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Fd(nix::sys::signalfd::SignalFd),
    Pipe {
        _handlers: Vec<sys::Disposition>,
        read: UnixStream,
        _write: sys::PipeWriter,
    },
}

impl SignalQueue {
    /// Takes `signals`. `portable` has it do without a signalfd.
    pub(super) fn open(
        signals: impl IntoIterator<Item = Signal>,
        portable: bool,
    ) -> io::Result<Self> {
        let taken: SigSet = signals.into_iter().map(Signal::to_nix).collect();
        let mask = SavedMask::block(&taken)?;
        // An ignored SIGCHLD would have the kernel throw away how the workers ended.
        let children = sys::Disposition::default(nix::sys::signal::SIGCHLD)?;
        let source = Source::open(&taken, portable)?;
        Ok(Self {
            source,
            _children: children,
            mask: Some(mask),
            taken,
        })
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.source {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Source::Fd(fd) => fd.as_fd(),
            Source::Pipe { read, .. } => read.as_fd(),
        }
    }

    /// Waits on `fds`, one of which should be [`fd`](Self::fd).
    pub(super) fn poll(&self, fds: &mut [PollFd<'_>], timeout: PollTimeout) -> io::Result<()> {
        // With handlers, the signals are let through only here, so that forks see them blocked in
        // any case.
        let handlers = matches!(self.source, Source::Pipe { .. });
        if handlers {
            self.taken.thread_unblock()?;
        }
        let polled = poll(fds, timeout);
        if handlers {
            self.taken.thread_block()?;
        }
        match polled {
            Ok(_) => Ok(()),
            Err(Errno::EINTR | Errno::EAGAIN) => {
                // What was not asked for an answer has none: the caller looks at everything, and
                // finds nothing that is not there.
                Ok(())
            }
            Err(err) => Err(err.into()),
        }
    }

    /// The next signal that has come; `None` when there is none for now.
    pub(super) fn next(&mut self) -> Option<Signal> {
        match &mut self.source {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Source::Fd(fd) => {
                let info = fd.read_signal().ok().flatten()?;
                Signal::from_raw(i32::try_from(info.ssi_signo).ok()?)
            }
            Source::Pipe { read, .. } => {
                // What came while the signals were blocked reaches its handler, and the pipe, here.
                self.taken.thread_unblock().ok()?;
                self.taken.thread_block().ok()?;
                let mut byte = [0];
                (read.read(&mut byte).ok()? == 1)
                    .then(|| Signal::from_raw(byte[0].into()))
                    .flatten()
            }
        }
    }

    /// Gives this thread the mask that it had, before it becomes another program.
    pub(super) fn restore_mask(&self) {
        if let Some(mask) = &self.mask {
            let _ = mask.0.thread_set_mask();
        }
    }

    /// Gives the signals back in a forked child, but still blocked: the handlers of the worker come
    /// first.
    ///
    /// What was sent to the child in the meantime stays pending, as nothing is read here.
    pub(super) fn leave(mut self) -> Option<SavedMask> {
        self.mask.take()
    }
}

impl Drop for SignalQueue {
    fn drop(&mut self) {
        if self.mask.is_none() {
            return;
        }
        // A stop signal that came after the stop had begun has been obeyed; let through later, it
        // would end the process.
        while self.next().is_some() {}
    }
}

impl Source {
    fn open(taken: &SigSet, portable: bool) -> io::Result<Self> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if !portable {
            use nix::sys::signalfd::{SfdFlags, SignalFd};
            match SignalFd::with_flags(taken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC) {
                Ok(fd) => return Ok(Self::Fd(fd)),
                Err(Errno::ENOSYS | Errno::EPERM) => {}
                Err(err) => return Err(err.into()),
            }
        }
        let _ = portable;
        let (read, write) = sys::self_pipe()?;
        let handlers = taken
            .iter()
            .map(sys::Disposition::to_pipe)
            .collect::<nix::Result<_>>()?;
        Ok(Self::Pipe {
            _handlers: handlers,
            read,
            _write: write,
        })
    }
}

/// The signal mask that the thread had; puts it back when dropped.
#[derive(Debug)]
pub(super) struct SavedMask(SigSet);

impl SavedMask {
    fn block(signals: &SigSet) -> nix::Result<Self> {
        signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).map(Self)
    }
}

impl Drop for SavedMask {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}

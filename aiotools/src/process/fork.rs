//! The fork itself.
#![expect(
    unsafe_code,
    reason = "fork(2), fflush(3) and _exit(2) have no safe wrapper"
)]

use std::io;

use nix::{
    libc,
    unistd::{ForkResult, Pid},
};

/// Why a process was not forked.
#[derive(Debug)]
pub(crate) enum ForkError {
    /// The process has this many threads.
    Threads(usize),
    System(io::Error),
}

/// Forks. `None` is returned in the child.
pub(crate) fn fork() -> Result<Option<Pid>, ForkError> {
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
    // this one. Where they cannot be counted, those who fork ask for it in their documentation.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Some(child)),
        Ok(ForkResult::Child) => Ok(None),
        Err(err) => Err(ForkError::System(err.into())),
    }
}

/// How many threads this process has; 1 where it cannot be found out.
pub(crate) fn thread_count() -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        std::fs::read_dir("/proc/self/task")
            .map_or(1, Iterator::count)
            .max(1)
    } else {
        1
    }
}

/// Ends this process, and nothing else: what is to be done at the end of the program is left to the process that it
/// is a copy of.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) may be called anywhere, and does not return.
    unsafe { libc::_exit(code) }
}

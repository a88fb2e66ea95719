//! Reaping.
#![expect(
    unsafe_code,
    reason = "the wrapper of nix does not know real-time signals"
)]

use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus};

use nix::{errno::Errno, libc, unistd::Pid};

/// Reaps the child `pid` if it has ended. Unlike the wrapper of nix, it knows children that ended
/// by a real-time signal.
pub(crate) fn try_wait(pid: Pid) -> io::Result<Option<ExitStatus>> {
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

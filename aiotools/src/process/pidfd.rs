//! Descriptors of processes: readable when the process has ended, and never those of another one
//! that got its number.
#![cfg_attr(
    any(target_os = "linux", target_os = "android"),
    expect(unsafe_code, reason = "pidfd_open(2) has no wrapper")
)]

use std::{io, os::fd::OwnedFd};

use nix::{errno::Errno, unistd::Pid};

/// A descriptor that becomes readable when the child `pid` has ended, close-on-exec.
///
/// `pid` must be a child that has not been waited for, or the descriptor may be that of a stranger.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd as _;

    use nix::libc;

    // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just opened `fd` for this call, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn pidfd_open(_: Pid) -> io::Result<OwnedFd> {
    Err(Errno::ENOSYS.into())
}

//! Descriptors of processes: readable when the process has ended, and never those of another one
//! that got its number.
#![cfg_attr(
    any(target_os = "linux", target_os = "android"),
    expect(
        unsafe_code,
        reason = "pidfd_open(2) and pidfd_send_signal(2) have no wrapper"
    )
)]

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

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

/// Sends a signal to the process of `pidfd`. `ESRCH` when it has been reaped.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    use nix::libc;

    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2) takes a descriptor, which is open for as long as it is borrowed, two integers,
    // and a pointer that may be null.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            no_info,
            0,
        )
    };
    Errno::result(sent).map(drop).map_err(Into::into)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn pidfd_send_signal(_: BorrowedFd<'_>, _: i32) -> io::Result<()> {
    Err(Errno::ENOSYS.into())
}

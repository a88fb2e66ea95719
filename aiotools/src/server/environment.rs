//! What this process was started with, taken in a way that has no safe wrapper.
//!
//! Each function here is safe to call; what makes it so stands at the block.
#![expect(
    unsafe_code,
    reason = "the environment is not safe from other threads, and descriptors are passed by number"
)]

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};

use crate::process::thread_count;

/// The first descriptor that is passed, after the standard streams.
pub(super) const FIRST: i32 = 3;

/// Removes a variable from the environment of this process, and returns its value.
///
/// Where there are other threads, it is left there.
pub(super) fn take_variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?;
    if thread_count() == 1 {
        // SAFETY: nobody else can be using the environment at the same time: there is no other
        // thread, and the only one that could start one is this one.
        unsafe { std::env::remove_var(name) };
    }
    value.into_string().ok()
}

/// The descriptors from 3 on, `count` of them, which whoever started this process has passed to it;
/// they are closed on exec from now on.
///
/// To be called once in a process, if the variables of `sd_listen_fds(3)` name it.
pub(super) fn passed_descriptors(count: u16) -> io::Result<Vec<OwnedFd>> {
    (FIRST..FIRST + i32::from(count))
        .map(passed_descriptor)
        .collect()
}

/// One descriptor that was passed. The same holds for it.
pub(super) fn passed_descriptor(raw: i32) -> io::Result<OwnedFd> {
    // SAFETY: fcntl(2) with F_SETFD takes integers, and fails for a number that is not open.
    Errno::result(unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and by the protocol it is this process's to own: it was open before
    // `main` began, so that nothing that the program has opened itself has this number. The
    // variables, which are gone by now, named this process, so nobody else takes it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Makes `fds` the descriptors from 3 on, for the program that this process is about to become,
/// whatever had those numbers before. The result is the last of them, under another number.
///
/// For a forked child that does nothing afterwards but exec or end: what had the numbers does not
/// know that it has lost them.
pub(super) fn pass_descriptors(fds: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let count = i32::try_from(fds.len()).map_err(io::Error::other)?;
    // Out of the way first, as one may be in the place of another.
    let mut copies = Vec::new();
    for fd in fds {
        let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(FIRST + count))?;
        // SAFETY: the kernel has just opened it for this call.
        copies.push(unsafe { OwnedFd::from_raw_fd(copy) });
    }
    for (to, copy) in (FIRST..).zip(&copies) {
        // SAFETY: dup2(2) takes integers. That it closes `to` is what this function is for.
        Errno::result(unsafe { libc::dup2(copy.as_raw_fd(), to) })?;
    }
    copies.pop().ok_or_else(|| Errno::EBADF.into())
}

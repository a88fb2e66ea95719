//! The signals of a process that is being forked.
//!
//! They are blocked in the parent before the fork, so that none reaches a handler of the parent in the child.
//! The child takes the handlers off and then lets signals in.
#![expect(unsafe_code, reason = "sigaction(2) on all signals")]

use std::{mem::MaybeUninit, ptr};

use nix::{
    libc,
    sys::signal::{SigSet, SigmaskHow},
};

/// Has all signals blocked; puts the mask back when dropped.
#[derive(Debug)]
pub(super) struct Blocked(SigSet);

impl Blocked {
    pub(super) fn all() -> nix::Result<Self> {
        SigSet::all()
            .thread_swap_mask(SigmaskHow::SIG_SETMASK)
            .map(Self)
    }

    /// In a fork, leaves them blocked.
    pub(super) fn leave(self) {
        let _ = std::mem::ManuallyDrop::new(self);
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}

/// Takes all handlers off, gives INT and TERM their default action, and lets all signals in.
pub(super) fn reset() {
    take_handlers_off();
    let _ = SigSet::empty().thread_set_mask();
}

/// Takes all handlers off, and gives CHLD, INT and TERM their default action.
pub(super) fn take_handlers_off() {
    // To the last of the real-time signals of Linux. The C library refuses those that are its own.
    for number in 1..=64 {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null action changes nothing; the old one is written to `action`, which is large enough.
        if unsafe { libc::sigaction(number, ptr::null(), action.as_mut_ptr()) } != 0 {
            continue;
        }
        // SAFETY: sigaction(2) has succeeded and so has written it. All zeroes would be valid, too.
        let mut action = unsafe { action.assume_init() };
        let always = matches!(number, libc::SIGINT | libc::SIGTERM | libc::SIGCHLD);
        if action.sa_sigaction == libc::SIG_DFL || (action.sa_sigaction == libc::SIG_IGN && !always)
        {
            continue;
        }
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = 0;
        // SAFETY: the default action runs no code of this process.
        unsafe { libc::sigaction(number, &raw const action, ptr::null_mut()) };
    }
}

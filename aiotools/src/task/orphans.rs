//! Stand-in for the process-wide count of `crate::cleanup`: what was left behind by futures that were dropped outside any group.
//!
//! To be replaced at the merge by `crate::cleanup`'s tracker: `enter` and `leave` are its count, `outstanding` and `drained` what
//! `cleanup::stats()` and `cleanup::drain(..)` use.

use std::{
    future::poll_fn,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

static OUTSTANDING: AtomicUsize = AtomicUsize::new(0);
static WAITERS: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// One more group without an owner.
pub(crate) fn enter() {
    OUTSTANDING.fetch_add(1, Ordering::AcqRel);
}

/// One such group has ended.
pub(crate) fn leave() {
    if OUTSTANDING.fetch_sub(1, Ordering::AcqRel) == 1 {
        let waiters = std::mem::take(&mut *WAITERS.lock().unwrap_or_else(PoisonError::into_inner));
        waiters.into_iter().for_each(Waker::wake);
    }
}

/// How many there are.
pub fn outstanding() -> usize {
    OUTSTANDING.load(Ordering::Acquire)
}

/// Waits until there are none.
pub async fn drained() {
    poll_fn(|cx| {
        if outstanding() == 0 {
            return Poll::Ready(());
        }
        WAITERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cx.waker().clone());
        if outstanding() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

//! The synchronisation types of the engine: `std`'s, or loom's under `--cfg aiotools_loom`.

#[cfg(aiotools_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
// `std`'s in both: loom's cannot be the type of `self`, and what it would add is the check of `Arc` itself.
pub(crate) use std::sync::Arc;
#[cfg(not(aiotools_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Locks, whether or not a panic happened under the lock: no state of the engine is left half-written by one,
/// since no foreign code runs under its locks.
#[cfg(not(aiotools_loom))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks (loom's mutex is never poisoned).
#[cfg(aiotools_loom)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

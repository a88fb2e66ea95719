//! An allocator that counts, over the one that all benches use: mimalloc, so that the allocator's own cost does not hide the rest.

#![expect(unsafe_code, reason = "an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use mimalloc::MiMalloc;

/// Counts calls and live bytes. Two atomics for each call: not for benches that measure time.
#[derive(Debug)]
pub struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// How often memory was asked for so far.
#[must_use]
pub fn calls() -> usize {
    CALLS.load(Relaxed)
}

/// How many bytes are held now.
#[must_use]
pub fn bytes() -> usize {
    BYTES.load(Relaxed)
}

// SAFETY: everything is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }
}

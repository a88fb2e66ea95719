//! Random numbers for jitter: good enough to spread load, and the same in every run under a virtual clock.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where a new timer starts.
pub(super) fn seed() -> u64 {
    #[cfg(feature = "test-util")]
    if let Some(clock) = crate::time::VirtualClock::try_current() {
        return clock.next_seed();
    }
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: any number will do, as long as it is another one each time.
    RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The next number (splitmix64).
pub(super) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

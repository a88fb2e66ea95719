//! Chance, for jitter; nothing that has to be a secret.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// SplitMix64.
#[derive(Debug)]
pub(in crate::server) struct Random(u64);

impl Random {
    #[cfg(test)]
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One that nobody can foretell, and everybody has of its own.
    pub(in crate::server) fn from_entropy() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `number`, and a chance part of a quarter of it.
    pub(super) fn up_to_a_quarter_more_of(&mut self, number: u64) -> u64 {
        let more = (u128::from(number) * u128::from(self.next())) >> 66;
        number.saturating_add(u64::try_from(more).unwrap_or_default())
    }

    /// `duration`, and a chance part of a quarter of it.
    pub(super) fn up_to_a_quarter_more(&mut self, duration: Duration) -> Duration {
        // Some 584 years do.
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.up_to_a_quarter_more_of(nanos))
    }
}

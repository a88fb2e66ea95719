//! How big a cache is, and how long it keeps things.

use std::{fmt, marker::PhantomData, time::Duration};

use super::{
    bounds::{CacheKey, CacheValue},
    lru_cache::LruCache,
};

/// The settings of a cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// `None` is without limit.
    pub(super) max_size: Option<usize>,
    pub(super) expire_after: Option<Duration>,
    /// How long an expired value may still be served.
    pub(super) stale: Duration,
}

impl Config {
    pub(super) const DEFAULT: Self = Self {
        max_size: Some(128),
        expire_after: None,
        stale: Duration::ZERO,
    };
}

/// Makes an [`LruCache`]: see [`LruCache::builder`].
#[must_use = "a builder does nothing until it builds"]
pub struct LruCacheBuilder<K, V> {
    config: Config,
    _type: PhantomData<fn() -> (K, V)>,
}

impl<K: CacheKey, V: CacheValue> LruCacheBuilder<K, V> {
    pub(super) fn new() -> Self {
        Self::of(Config::DEFAULT)
    }

    pub(super) fn of(config: Config) -> Self {
        Self {
            config,
            _type: PhantomData,
        }
    }

    /// How many entries it holds; 128 unless said otherwise. One more, and the entry that was not asked for the longest makes room.
    ///
    /// With 0 it holds nothing, not even the computation that is running: each call runs for itself.
    pub fn max_size(mut self, entries: usize) -> Self {
        self.config.max_size = Some(entries);
        self
    }

    /// No limit to the number of entries.
    pub fn unlimited(mut self) -> Self {
        self.config.max_size = None;
        self
    }

    /// How long a value is good for, counted from the end of its computation; for ever unless said otherwise.
    pub fn expire_after(mut self, age: Duration) -> Self {
        self.config.expire_after = Some(age);
        self
    }

    /// For how long after it has expired a value may still be given out, while a new one is computed in the background: by
    /// [`get_stale_with`](LruCache::get_stale_with), and by methods with `#[lru_cache(cache = self.field, stale_while_revalidate)]`.
    ///
    /// Without [`expire_after`](Self::expire_after) it has no meaning.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.config.stale = window;
        self
    }

    /// The cache, empty.
    #[must_use]
    pub fn build(self) -> LruCache<K, V> {
        LruCache::with_config(self.config)
    }
}

impl<K, V> fmt::Debug for LruCacheBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LruCacheBuilder")
            .field(&self.config)
            .finish()
    }
}

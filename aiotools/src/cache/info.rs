//! [`CacheInfo`]: the numbers of a cache.

use std::fmt;

/// How a cache is used: what [`LruCache::info`](super::LruCache::info) and `cache_info()` return.
///
/// Every call is a hit or a miss. Counted since the cache was made or [cleared](super::LruCache::clear).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheInfo {
    /// Calls that did not compute: there was a value, or somebody else was computing it.
    pub hits: u64,
    /// Calls that computed.
    pub misses: u64,
    /// Computations in the background, for values that had expired.
    pub refreshes: u64,
    /// How many entries there may be; `None` is without limit.
    pub max_size: Option<usize>,
    /// How many entries there are, those among them that are being computed, and those that are stale but may still be given out.
    pub current_size: usize,
}

impl fmt::Display for CacheInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hits,
            misses,
            refreshes,
            max_size,
            current_size,
        } = self;
        write!(
            f,
            "{hits} hits, {misses} misses, {refreshes} refreshes, {current_size} entries of "
        )?;
        match max_size {
            Some(max_size) => write!(f, "{max_size}"),
            None => f.write_str("any number"),
        }
    }
}

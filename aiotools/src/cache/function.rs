//! [`FunctionCache`]: the cache of a function, in a `static`.

use std::{
    any::Any,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use super::{
    bounds::{CacheKey, CacheValue},
    builder::Config,
    builder::LruCacheBuilder,
    info::CacheInfo,
    lru_cache::LruCache,
};

/// The cache of a function. A `static` has a type with a name, and that of a key that is computed has none; so it is erased here, and comes
/// back at each call.
pub struct FunctionCache {
    config: Config,
    /// Closed before it was used.
    closed: AtomicBool,
    cache: OnceLock<Box<dyn Erased>>,
}

trait Erased: Any + Send + Sync {
    fn info(&self) -> CacheInfo;
    fn clear(&self);
    fn invalidate(&self, key: &dyn Any) -> bool;
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<K: CacheKey, V: CacheValue> Erased for LruCache<K, V> {
    fn info(&self) -> CacheInfo {
        self.info()
    }

    fn clear(&self) {
        self.clear();
    }

    fn invalidate(&self, key: &dyn Any) -> bool {
        key.downcast_ref().is_some_and(|key| self.invalidate(key))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.close())
    }
}

impl FunctionCache {
    /// An empty one, for a `static`.
    pub const fn new(
        max_size: Option<usize>,
        expire_after: Option<Duration>,
        stale: Duration,
    ) -> Self {
        Self {
            config: Config {
                max_size,
                expire_after,
                stale,
            },
            closed: AtomicBool::new(false),
            cache: OnceLock::new(),
        }
    }

    /// The cache itself. Its types are those of the first call, and there is one function that calls.
    ///
    /// # Panics
    ///
    /// With other types than the first time.
    pub fn of<K: CacheKey, V: CacheValue>(&self) -> &LruCache<K, V> {
        let cache = self
            .cache
            .get_or_init(|| Box::new(LruCacheBuilder::<K, V>::of(self.config).build()));
        let cache: &dyn Any = &**cache;
        let cache: &LruCache<K, V> = cache
            .downcast_ref()
            .expect("a function has one type of key and one of value");
        if self.closed.load(SeqCst) && !cache.is_closed() {
            cache.mark_closed();
        }
        cache
    }

    /// As [`LruCache::info`].
    pub fn info(&self) -> CacheInfo {
        match self.cache.get() {
            Some(cache) => cache.info(),
            None => CacheInfo {
                max_size: self.config.max_size,
                ..CacheInfo::default()
            },
        }
    }

    /// As [`LruCache::clear`].
    pub fn clear(&self) {
        if let Some(cache) = self.cache.get() {
            cache.clear();
        }
    }

    /// As [`LruCache::invalidate`].
    pub fn invalidate<K: CacheKey>(&self, key: &K) -> bool {
        self.cache.get().is_some_and(|cache| cache.invalidate(key))
    }

    /// As [`LruCache::close`].
    pub async fn close(&self) {
        self.closed.store(true, SeqCst);
        if let Some(cache) = self.cache.get() {
            cache.close().await;
        }
    }
}

impl fmt::Debug for FunctionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionCache").field(&self.info()).finish()
    }
}

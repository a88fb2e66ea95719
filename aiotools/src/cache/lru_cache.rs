//! [`LruCache`]: the handle.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use super::{
    bounds::{CacheError, CacheKey, CacheValue},
    builder::{Config, LruCacheBuilder},
    call::{self, Sharing},
    info::CacheInfo,
    nesting,
    refresh::Refreshes,
    store::{Found, Lead, Store},
};
use crate::task::BoxError;

/// A cache of what async computations give, for one computation per key at a time; see the [module](super).
///
/// Cloned, it is another handle to the same cache. Dropped, the last one cancels the computations in the background; those that callers
/// lead go on.
///
/// # Examples
///
/// A cache for each instance:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{LruCache, lru_cache};
///
/// struct Client {
///     base: String,
///     pages: LruCache<u32, String>,
/// }
///
/// impl Client {
///     #[lru_cache(cache = self.pages)]
///     async fn page(&self, number: u32) -> String {
///         tokio::task::yield_now().await;
///         format!("{}/{number}", self.base)
///     }
/// }
///
/// let client = Client { base: "https://example.org".into(), pages: LruCache::new(100) };
/// let (one, two) = tokio::join!(client.page(7), client.page(7)); // one run
/// assert_eq!(one, two);
/// let info = client.pages.info();
/// assert_eq!((info.hits, info.misses, info.current_size), (1, 1, 1));
/// assert!(client.pages.invalidate(&7));
/// # });
/// ```
pub struct LruCache<K: CacheKey, V: CacheValue> {
    shared: Arc<Shared<K, V>>,
}

struct Shared<K: CacheKey, V: CacheValue> {
    // A refresh holds the store only, so that it does not keep alive what would end it.
    store: Arc<Store<K, V>>,
    refreshes: Refreshes,
}

impl<K: CacheKey, V: CacheValue> LruCache<K, V> {
    /// An empty cache for this many entries, which never expire. With 0 it holds nothing, see
    /// [`max_size`](LruCacheBuilder::max_size).
    #[must_use]
    pub fn new(max_size: usize) -> Self {
        Self::builder().max_size(max_size).build()
    }

    /// A cache with other settings.
    pub fn builder() -> LruCacheBuilder<K, V> {
        LruCacheBuilder::new()
    }

    pub(super) fn with_config(config: Config) -> Self {
        Self {
            shared: Arc::new(Shared {
                store: Store::new(config),
                refreshes: Refreshes::default(),
            }),
        }
    }

    fn store(&self) -> &Arc<Store<K, V>> {
        &self.shared.store
    }

    /// The value of this key: the one in the cache, the one that somebody is computing just now, or that of `computation`, which is
    /// not polled otherwise.
    ///
    /// A `Result` is a value like any other here; see [`try_get_with`](Self::try_get_with).
    ///
    /// # Panics
    ///
    /// If `computation` does; somebody who waits takes over.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it computes, it drops the computation, and somebody who waits takes over with one of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let lengths = aiotools::LruCache::new(2);
    /// assert_eq!(lengths.get_with("four", async { 4 }).await, 4);
    /// assert_eq!(lengths.get_with("four", async { unreachable!() }).await, 4);
    /// # });
    /// ```
    pub async fn get_with<F>(&self, key: K, computation: F) -> V
    where
        F: Future<Output = V>,
    {
        let computation = async { Ok::<V, Infallible>(computation.await) };
        match call::call(self.store(), key, computation, Sharing::NOTHING).await {
            Ok(value) => value,
        }
    }

    /// As [`get_with`](Self::get_with), for a computation that may fail. An error is not kept: it goes to the caller that computed and, as a
    /// clone, to all that waited for it. The next call computes.
    ///
    /// An error type without `Clone` goes into an [`Arc`], which `?` does by itself; or see [`retry_get_with`](Self::retry_get_with).
    ///
    /// # Errors
    ///
    /// That of the computation.
    ///
    /// # Panics
    ///
    /// As [`get_with`](Self::get_with).
    ///
    /// # Cancel safety
    ///
    /// As [`get_with`](Self::get_with).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let lengths = aiotools::LruCache::new(2);
    /// let unknown = lengths.try_get_with("four", async { Err("not in the dictionary") }).await;
    /// assert_eq!(unknown, Err("not in the dictionary"));
    /// assert_eq!(lengths.try_get_with("four", async { Ok::<_, &str>(4) }).await, Ok(4));
    /// # });
    /// ```
    pub async fn try_get_with<E, F>(&self, key: K, computation: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
        E: CacheError,
    {
        call::call(self.store(), key, computation, Sharing::CLONES).await
    }

    /// As [`try_get_with`](Self::try_get_with), for any type of error. Of those that wait for a computation that fails, each computes for itself,
    /// one after the other, until one succeeds.
    ///
    /// So when what is behind it is down, the last of n callers has its error after n computations.
    ///
    /// # Errors
    ///
    /// That of the caller's own computation.
    ///
    /// # Panics
    ///
    /// As [`get_with`](Self::get_with).
    ///
    /// # Cancel safety
    ///
    /// As [`get_with`](Self::get_with).
    pub async fn retry_get_with<E, F>(&self, key: K, computation: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        call::call(self.store(), key, computation, Sharing::NOTHING).await
    }

    /// As [`get_with`](Self::get_with), and never waits for a value that expired a short time ago: within the
    /// [window](LruCacheBuilder::stale_while_revalidate) of the cache it returns the expired value, and the first caller to do so starts its
    /// computation in the background.
    ///
    /// The cache owns what runs there: [`close`](Self::close) and the drop of the last handle cancel it. It does not belong to the group around
    /// the caller. A panic goes to `tracing`, and leaves the expired value where it is.
    ///
    /// Outside a tokio runtime there is no background, and an expired value is none.
    ///
    /// # Panics
    ///
    /// As [`get_with`](Self::get_with), where there is no value to return.
    ///
    /// # Cancel safety
    ///
    /// As [`get_with`](Self::get_with).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use aiotools::LruCache;
    /// use tokio::time::sleep;
    ///
    /// let minute = Duration::from_secs(60);
    /// let rates = LruCache::builder().expire_after(minute).stale_while_revalidate(minute).build();
    /// assert_eq!(rates.get_stale_with("EUR", async { 1 }).await, 1);
    /// sleep(minute).await;
    /// assert_eq!(rates.get_stale_with("EUR", async { 2 }).await, 1); // starts it, and does not wait
    /// sleep(Duration::from_secs(1)).await;
    /// assert_eq!(rates.get_stale_with("EUR", async { 3 }).await, 2);
    /// # });
    /// ```
    pub async fn get_stale_with<F>(&self, key: K, computation: F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        let computation = async { Ok::<V, Infallible>(computation.await) };
        match self.stale(key, computation, Sharing::NOTHING).await {
            Ok(value) => value,
        }
    }

    /// As [`get_stale_with`](Self::get_stale_with), for a computation that may fail. An error in the background goes to `tracing`, and leaves the
    /// expired value where it is; the next call starts another computation.
    ///
    /// # Errors
    ///
    /// As [`try_get_with`](Self::try_get_with).
    ///
    /// # Panics
    ///
    /// As [`get_stale_with`](Self::get_stale_with).
    ///
    /// # Cancel safety
    ///
    /// As [`get_with`](Self::get_with).
    pub async fn try_get_stale_with<E, F>(&self, key: K, computation: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        E: CacheError + Into<BoxError>,
    {
        self.stale(key, computation, Sharing::CLONES).await
    }

    /// As [`try_get_stale_with`](Self::try_get_stale_with), for any type of error, as [`retry_get_with`](Self::retry_get_with).
    ///
    /// # Errors
    ///
    /// As [`retry_get_with`](Self::retry_get_with).
    ///
    /// # Panics
    ///
    /// As [`get_stale_with`](Self::get_stale_with).
    ///
    /// # Cancel safety
    ///
    /// As [`get_with`](Self::get_with).
    pub async fn retry_get_stale_with<E, F>(&self, key: K, computation: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError> + Send + 'static,
    {
        self.stale(key, computation, Sharing::NOTHING).await
    }

    async fn stale<E, F>(&self, key: K, computation: F, sharing: Sharing<E>) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError> + Send + 'static,
    {
        let background = tokio::runtime::Handle::try_current().is_ok();
        match self.store().enter(&key, background) {
            Found::Stale(value, lead) => {
                if let Some(lead) = lead {
                    self.shared.refreshes.spawn(nesting::apart(refresh(
                        lead,
                        computation,
                        sharing,
                    )));
                }
                Ok(value)
            }
            found => call::go_on(found, self.store(), &key, computation, sharing).await,
        }
    }

    /// Removes the entry of this key, and says whether there was one that could still be given out. If it is being computed, those who wait for
    /// it get it, but the cache does not; the next call computes anew.
    ///
    /// A value is dropped when the last one who uses it is done, and the store gets round to it.
    pub fn invalidate(&self, key: &K) -> bool {
        self.store().invalidate(key)
    }

    /// Removes all entries, and starts to count from zero. What is being computed is treated as in [`invalidate`](Self::invalidate).
    pub fn clear(&self) {
        self.store().clear();
    }

    /// How it is used. Takes time in proportion to the entries that have expired since anybody looked.
    #[must_use]
    pub fn info(&self) -> CacheInfo {
        self.store().info()
    }

    /// Removes all entries, cancels the computations in the background, and returns when they have ended, cleanup included. From now on every call
    /// computes for itself, as if there was no cache; those that callers lead go on. A second call, and a concurrent one, waits for the
    /// same end.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the waiting, not the closing.
    pub async fn close(&self) {
        self.store().close();
        self.shared.refreshes.close().await;
    }

    /// As [`close`](Self::close), for one that has not been used.
    pub(super) fn mark_closed(&self) {
        self.store().close();
    }

    /// Whether it was [closed](Self::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.store().is_closed()
    }
}

/// A computation in the background.
async fn refresh<K, V, E, F>(
    lead: Lead<K, V>,
    computation: F,
    sharing: Sharing<E>,
) -> Result<(), BoxError>
where
    K: CacheKey,
    V: CacheValue,
    F: Future<Output = Result<V, E>>,
    E: Into<BoxError>,
{
    let computation = std::pin::pin!(computation);
    match call::lead_to_end(lead, computation, sharing).await {
        // Whoever was told it deals with it.
        (Ok(_), _) | (Err(_), true) => Ok(()),
        (Err(error), false) => Err(error.into()),
    }
}

// A value is set once and never changed, and whoever panics while computing one hands over: there is no state in between to be seen.
impl<K: CacheKey, V: CacheValue> UnwindSafe for LruCache<K, V> {}
impl<K: CacheKey, V: CacheValue> RefUnwindSafe for LruCache<K, V> {}

impl<K: CacheKey, V: CacheValue> Clone for LruCache<K, V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K: CacheKey, V: CacheValue> fmt::Debug for LruCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LruCache").field(&self.info()).finish()
    }
}

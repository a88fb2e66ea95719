//! What a call does: finds a value, waits for one, or computes it.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use super::{
    bounds::{CacheError, CacheKey, CacheValue},
    nesting,
    slot::SharedError,
    store::{Found, Lead, Store, Waited},
};

/// What those who wait get when the leader has an error.
pub(super) struct Sharing<E> {
    share: fn(&E) -> Option<SharedError>,
    take: fn(&SharedError) -> Option<E>,
}

impl<E> Clone for Sharing<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Sharing<E> {}

impl<E: CacheError> Sharing<E> {
    /// A clone.
    pub(super) const CLONES: Self = Self {
        share: |error| Some(Arc::new(error.clone())),
        // Another type of error: another function uses the same cache. Then the caller computes for itself.
        take: |shared| shared.downcast_ref::<E>().cloned(),
    };
}

impl<E> Sharing<E> {
    /// Nothing: they compute for themselves.
    pub(super) const NOTHING: Self = Self {
        share: |_| None,
        take: |_| None,
    };
}

/// The value for a key: from the cache, from somebody who computes it, or from `computation`.
pub(super) async fn call<K, V, E, F>(
    store: &Arc<Store<K, V>>,
    key: K,
    computation: F,
    sharing: Sharing<E>,
) -> Result<V, E>
where
    K: CacheKey,
    V: CacheValue,
    F: Future<Output = Result<V, E>>,
{
    let found = store.enter(&key, false);
    go_on(found, store, &key, computation, sharing).await
}

/// From what was found to the value.
pub(super) async fn go_on<K, V, E, F>(
    mut found: Found<K, V>,
    store: &Arc<Store<K, V>>,
    key: &K,
    computation: F,
    sharing: Sharing<E>,
) -> Result<V, E>
where
    K: CacheKey,
    V: CacheValue,
    F: Future<Output = Result<V, E>>,
{
    let computation = pin!(computation);
    loop {
        let waiting = match found {
            Found::Hit(value) | Found::Stale(value, _) => return Ok(value),
            Found::Pass => return computation.await,
            Found::Lead(lead) => return lead_to_end(lead, computation, sharing).await.0,
            Found::Wait(waiting) => waiting,
        };
        let Ok(edge) = nesting::wait_for(waiting.id()) else {
            drop(waiting);
            store.no_hit();
            store.miss();
            return computation.await;
        };
        let waited = waiting.wait().await;
        drop(edge);
        found = match waited {
            Waited::Value(value) => return Ok(value),
            Waited::Lead(lead) => Found::Lead(lead),
            Waited::Failed(error) => match error.as_ref().and_then(sharing.take) {
                Some(error) => return Err(error),
                None => {
                    store.no_hit();
                    store.enter(key, false)
                }
            },
        };
    }
}

/// Computes. Gives back also whether anybody else was told the error.
pub(super) async fn lead_to_end<K, V, E, F>(
    lead: Lead<K, V>,
    computation: Pin<&mut F>,
    sharing: Sharing<E>,
) -> (Result<V, E>, bool)
where
    K: CacheKey,
    V: CacheValue,
    F: Future<Output = Result<V, E>>,
{
    match nesting::within(lead.id(), computation).await {
        Ok(value) => {
            lead.finish(value.clone());
            (Ok(value), false)
        }
        Err(error) => {
            let told = lead.fail((sharing.share)(&error));
            (Err(error), told)
        }
    }
}

//! Caches for async functions: the least recently used entry makes room, and a value that many ask for is computed once.
//!
//! | I want to | use |
//! |---|---|
//! | cache an async function | [`#[lru_cache]`](macro@crate::lru_cache) |
//! | have a cache for each instance of a type | a field of type [`LruCache`], and `#[lru_cache(cache = self.field)]` on the method |
//! | decide at the call what to compute | [`LruCache::get_with`], [`LruCache::try_get_with`] |
//! | never wait for a value that was there before | `#[lru_cache(expire_after = "1m", stale_while_revalidate = "10m")]` |
//!
//! # One run for each key
//!
//! The first caller that finds no value *leads*: it runs the computation, in its own task, as a part of its own future. Whoever asks for the
//! same key meanwhile waits for it.
//!
//! | the leader | the ones that wait |
//! |---|---|
//! | has the value | get a clone |
//! | has an error, which is never kept | get a clone of the error ([`try_get_with`](LruCache::try_get_with)), or run for themselves, one after the other ([`retry_get_with`](LruCache::retry_get_with)) |
//! | is dropped, or panics | one of them leads, with a computation of its own; nobody else notices |
//! | is about to wait for itself, through whatever calls | (the call that would close the circle runs without the cache) |
//!
//! Nothing here belongs to a runtime: a cache in a `static` serves all runtimes of the process, one after the other or side by side. An
//! entry that is invalidated or evicted while it is being computed is computed to its end for those who wait for it; it does not come
//! back into the cache, nor does its end touch an entry that took its place.
//!
//! # Time
//!
//! A value expires `expire_after` its computation *ended*; being asked for does not prolong that. Time is that of tokio's clock, so it can be
//! paused, and moves with a [`VirtualClock`](crate::VirtualClock).
//!
//! # Compared with others
//!
//! The store is [moka](https://docs.rs/moka)'s, with its eviction in strict order of use. Use moka itself where a weight for each entry, admission by
//! frequency, or an eviction listener is needed. What is here and not there: the attribute, a clock that can be paused, values that stay
//! in use while they are refreshed, invalidation that holds against a computation that is still running.

mod bounds;
mod builder;
mod call;
mod function;
mod info;

mod lru_cache;
mod map;
mod nesting;
mod refresh;
mod slot;
mod store;

pub use bounds::{CacheError, CacheKey, CacheValue};
pub use builder::LruCacheBuilder;
pub use info::CacheInfo;
pub use lru_cache::LruCache;

/// What expanded macros name.
pub(crate) mod engine {
    pub use super::{
        bounds::{borrowed_key_part, key_part},
        function::FunctionCache,
    };
}

//! What may be the key of a cache, what it may keep, and which errors it can hand around.

use std::hash::Hash;

/// What an entry is found by: any type that can be cloned, compared, hashed, shared between threads, and borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a cache, or a part of it",
    label = "must be `Clone + Eq + Hash + Send + Sync + 'static`",
    note = "say what the key is: `#[lru_cache(key = |argument| ..)]`"
)]
pub trait CacheKey: Clone + Eq + Hash + Send + Sync + 'static {}

impl<T: Clone + Eq + Hash + Send + Sync + 'static> CacheKey for T {}

/// What a cache keeps: any type that can be cloned, once for each caller, shared between threads, and borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a cache",
    label = "must be `Clone + Send + Sync + 'static`",
    note = "each caller gets a clone; return an `Arc` of what cannot be cloned"
)]
pub trait CacheValue: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> CacheValue for T {}

/// An error for all who wait: any type that can be cloned, once for each, shared between threads, and borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to all callers that wait",
    label = "must be `Clone + Send + Sync + 'static`",
    note = "return `Result<_, Arc<{Self}>>`, which works with `?`, or let each caller run the function: `#[lru_cache(on_error = retry)]`"
)]
pub trait CacheError: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> CacheError for T {}

/// An argument as a part of a key.
pub fn key_part<T: CacheKey>(argument: &T) -> T {
    argument.clone()
}

/// A borrowed argument as a part of a key: `str` as `String`.
pub fn borrowed_key_part<T>(argument: &T) -> T::Owned
where
    T: ToOwned<Owned: CacheKey> + ?Sized,
{
    argument.to_owned()
}

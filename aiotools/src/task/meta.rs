//! What a node is called, and since when it lives.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Mutex, OnceLock, PoisonError},
};

/// `src/main.rs:12:9` for a spawn location, made once for each place in the program that is ever asked for.
pub(crate) fn location_name(location: &'static Location<'static>) -> &'static str {
    static NAMES: OnceLock<Mutex<HashMap<&'static Location<'static>, &'static str>>> =
        OnceLock::new();
    let mut names = NAMES
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    names
        .entry(location)
        .or_insert_with(|| location.to_string().leak())
}

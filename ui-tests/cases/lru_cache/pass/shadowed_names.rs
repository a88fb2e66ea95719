#![deny(warnings)]
#![allow(dead_code, non_camel_case_types)]

use aiotools as aio;

mod std {}
mod core {}
mod tokio {}
struct Result;
struct Option;
trait Clone {}
trait Send {}
struct LruCache;

#[aio::lru_cache(crate = aio, expire_after = "1s", stale_while_revalidate = "1s", max_size = 2 + 3, key = |a, b| (*a, b.len()))]
pub async fn fetch(a: u32, b: ::std::string::String) -> u32 {
    a + u32::try_from(b.len()).unwrap()
}

fn main() {
    let _ = fetch(1, "".into());
    fetch::cache_clear();
}

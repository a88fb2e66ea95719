#![deny(warnings)]
//! The future of a cached function is `Send` if that of the function is.

use std::rc::Rc;

#[aiotools::lru_cache]
async fn fetch(url: &str) -> String {
    tokio::task::yield_now().await;
    url.to_owned()
}

#[aiotools::lru_cache(key = |id| **id)]
async fn not_sendable(id: Rc<u32>) -> u32 {
    tokio::task::yield_now().await;
    *id
}

fn send(_: impl Send) {}

fn main() {
    send(fetch("a"));
    let _ = not_sendable(Rc::new(1));
}

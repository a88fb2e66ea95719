#[aiotools::lru_cache(ttl = "1m", typed = true, max_size, max_size = 1, max_size = 2, expire_after = "soon")]
async fn fetch(id: u32) -> u32 {
    id
}

#[aiotools::lru_cache(on_error = panic)]
async fn other(id: u32) -> u32 {
    id
}

fn main() {
    let _ = (fetch(1), other(1));
    fetch::cache_clear();
}

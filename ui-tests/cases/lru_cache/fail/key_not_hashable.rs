#[derive(Clone)]
struct Query;

#[aiotools::lru_cache]
async fn fetch(query: Query, limit: u32) -> u32 {
    let _ = query;
    limit
}

fn main() {}

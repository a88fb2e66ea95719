#[aiotools::lru_cache]
async fn fetch(id: u32) -> u32 {
    id.to_string()
}

fn main() {}

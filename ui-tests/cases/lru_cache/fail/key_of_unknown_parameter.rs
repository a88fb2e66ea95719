#[aiotools::lru_cache(key = |id, user| (*id, *user))]
async fn fetch(id: u32, lang: u32) -> u32 {
    id + lang
}

fn main() {}

#[aiotools::lru_cache(stale_while_revalidate)]
async fn fetch(url: String) -> String {
    url
}

fn main() {}

#[aiotools::lru_cache(expire_after = "1s", stale_while_revalidate = "1m")]
async fn fetch(url: &str) -> String {
    url.to_owned()
}

fn main() {}

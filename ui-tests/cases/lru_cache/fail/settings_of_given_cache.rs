use aiotools::LruCache;

struct Client {
    pages: LruCache<u32, u32>,
}

impl Client {
    #[aiotools::lru_cache(cache = self.pages, max_size = 3, expire_after = "1m", stale_while_revalidate = "1m")]
    async fn page(self, id: u32) -> u32 {
        id
    }
}

fn main() {
    let _ = Client { pages: LruCache::new(1) }.page(1);
}

struct Client;

impl Client {
    #[aiotools::lru_cache(max_size = 3)]
    async fn page(&self, id: u32) -> u32 {
        id
    }
}

fn main() {
    let _ = Client.page(1);
}

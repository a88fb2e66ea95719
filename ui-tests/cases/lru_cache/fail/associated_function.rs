struct Client;

impl Client {
    #[aiotools::lru_cache]
    async fn page(id: u32) -> u32 {
        id
    }
}

fn main() {}

struct Page;

#[aiotools::lru_cache]
async fn fetch(id: u32) -> Page {
    let _ = id;
    Page
}

fn main() {}

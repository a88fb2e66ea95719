#[derive(Debug)]
struct Broken;

#[aiotools::lru_cache]
async fn fetch(id: u32) -> Result<u32, Broken> {
    Ok(id)
}

fn main() {}

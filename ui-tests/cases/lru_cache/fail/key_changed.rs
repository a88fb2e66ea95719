#[aiotools::lru_cache]
async fn fetch(id: u32, buffer: &mut Vec<u8>) -> u32 {
    buffer.push(0);
    id
}

fn main() {}

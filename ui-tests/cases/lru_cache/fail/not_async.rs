#[aiotools::lru_cache]
fn fetch(id: u32) -> u32 {
    id
}

fn main() {
    fetch(1);
}

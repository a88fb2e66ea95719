#[aiotools::lru_cache]
async fn one<T: Clone>(id: T) -> T {
    id
}

#[aiotools::lru_cache]
async fn two(id: impl Into<u32>) -> u32 {
    id.into()
}

fn main() {
    let _ = (one(1), two(1_u32));
}

#[aiotools::lru_cache]
struct Fetch;

fn main() {
    let _ = Fetch;
}

#[aiotools::timer(interval = "1s")]
async fn tick() -> u32 {
    7
}

fn main() {}

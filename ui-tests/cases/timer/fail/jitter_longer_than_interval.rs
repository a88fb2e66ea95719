#[aiotools::timer(interval = "1s", jitter = "2s")]
async fn tick() {}

fn main() {}

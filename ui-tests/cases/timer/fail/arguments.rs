#[aiotools::timer(every = "1s", policy = drop, start = later, jitter, colour = red, interval = "1s", interval = "2s")]
async fn tick() {}

fn main() {}

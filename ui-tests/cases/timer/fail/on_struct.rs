#[aiotools::timer(interval = "1s")]
struct Tick;

fn main() {}

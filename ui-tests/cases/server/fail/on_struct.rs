#[aiotools::server]
struct Worker;

fn main() {}

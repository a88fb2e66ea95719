#[aiotools::timer(interval = 5)]
async fn number() {}

#[aiotools::timer(interval = Duration::from_secs(5))]
async fn expression() {}

fn main() {}

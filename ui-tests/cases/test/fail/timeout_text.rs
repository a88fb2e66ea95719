#[aiotools::test(timeout = 5)]
async fn number() {}

#[aiotools::test(timeout = "5 parsecs")]
async fn not_a_duration() {}

fn main() {}

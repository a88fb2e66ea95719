#[aiotools::timer(interval = "soon")]
async fn not_a_duration() {}

#[aiotools::timer(interval = "0s")]
async fn zero() {}

#[aiotools::timer(interval = "99999999999999999999y")]
async fn overflow() {}

fn main() {}

use std::time::Duration;

#[aiotools::timer(schedule = "every day", tz = "Mars/Base")]
async fn not_a_schedule() {}

#[aiotools::timer(schedule = "0 3 * * *", interval = "1s", start = immediately)]
async fn both(interval: Duration) {}

#[aiotools::timer(interval = "1s", tz = "UTC")]
async fn zone_alone() {}

fn main() {}

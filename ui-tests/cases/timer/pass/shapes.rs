#![deny(warnings)]

use std::{io, sync::Arc, time::Duration};

/// Documented.
#[aiotools::timer(interval = "1m30s", policy = queue, start = after_interval, jitter = "1s", name = "poll",)]
pub async fn every_argument(mut n: u32, (_a, _b): (u8, u8), _: String) -> io::Result<()> {
    n += 1;
    if n > 7 {
        return Err(io::Error::other("too many"));
    }
    Ok(())
}

#[aiotools::timer]
async fn given(interval: Duration) {
    let _ = interval;
}

#[aiotools::timer(schedule = "0 3 * * *", tz = "Europe/Berlin")]
async fn nightly() {}

struct Service;

impl Service {
    #[aiotools::timer(interval = "1s", crate = aiotools)]
    async fn beat<T: Clone + Send + 'static>(self: Arc<Self>, value: T)
    where
        T: Sync,
    {
        let (_this, _value) = (self, value);
    }
}

fn main() {
    aiotools::VirtualClock::run(async {
        drop(every_argument(1, (2, 3), String::new()));
        drop(given(Duration::from_secs(1)));
        drop(nightly());
        drop(Arc::new(Service).beat("x"));
    });
}

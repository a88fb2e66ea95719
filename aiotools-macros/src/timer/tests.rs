//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal(interval = "1s") {
        async fn tick() {}
    }

    every_argument(interval = "1m30s", policy = cancel, start = after_interval, jitter = "1s", name = "poll", crate = aio) {
        /// Documented.
        pub async fn tick<T: Clone>(self: Arc<Self>, interval: Duration, (a, mut b): (u8, T)) -> io::Result<()>
        where
            T: Send,
        {
            self.send(a, b).await
        }
    }

    given() {
        async fn tick(n: u32, interval: Duration) {}
    }

    fallback(interval = "0s") {
        async fn tick(n: u32) {}
    }

    echo() {
        struct Tick;
    }
}

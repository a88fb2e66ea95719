//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        async fn passes() {}
    }

    every_argument(virtual_clock, timeout = "5s", crate = aio) {
        #[ignore]
        async fn passes(clock: VirtualClock) -> io::Result<()> {
            Ok(())
        }
    }

    multi_thread(flavor = multi_thread, worker_threads = 2) {
        async fn passes() {}
    }

    fallback() {
        fn passes() {}
    }
}

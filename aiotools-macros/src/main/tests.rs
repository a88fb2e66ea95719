//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        async fn main() {}
    }

    every_argument(fork_server, flavor = current_thread, drain_timeout = "5s", crate = aio) {
        async fn main() -> io::Result<()> {
            Ok(())
        }
    }

    fallback() {
        async fn main(args: Vec<String>) {}
    }
}

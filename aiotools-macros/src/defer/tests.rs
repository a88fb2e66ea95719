//! Snapshots of the expansions: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::{adefer, defer};
use crate::testing::snapshots;

snapshots! { defer:
    minimal() {
        fn work() {
            defer!(println!("done"));
        }
    }

    every_argument(crate = crate::reexport) {
        /// Documented.
        pub(crate) fn r#move<'a>(&mut self, text: &'a str) -> io::Result<&'a str> {
            defer!(self.close());
            Ok(text)
        }
    }

    fallback() {
        const fn work((a, _): (u32, u32)) -> u32 {
            fn inner() {
                defer!(println!("done"));
            }
            a
        }
    }

    echo() {
        struct Work;
    }
}

snapshots! { adefer:
    minimal_async() {
        async fn work() {
            defer!(cleanup());
        }
    }

    fallible_async(crate = crate::reexport) {
        async fn work(n: u32) -> io::Result<impl Display> {
            defer!(cleanup(n));
            Ok(n)
        }
    }
}

//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        async fn worker(ctx: WorkerContext) {
            yield_!();
        }
    }

    every_argument(crate = aio) {
        async fn worker(ctx: WorkerContext) {
            yield_!();
        }
    }

    fallible_generic() {
        /// Documented.
        #[inline]
        pub async fn worker<C>(WorkerContext { .. }: aiotools::WorkerContext<C, u32>) -> io::Result<()>
        where
            C: Config,
        {
            let signal = yield_!();
            Ok(())
        }
    }

    echo() {
        struct Worker;
    }

    fallback() {
        fn worker(ctx: &WorkerContext<Config>, port: u16) -> io::Result<u32> {
            yield_!(1);
        }
    }

    fallback_without_context() {
        async fn worker(self) {
            yield_!();
        }
    }
}

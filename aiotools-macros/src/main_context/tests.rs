//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        fn setup() -> Config {
            yield_!(Config::load());
        }
    }

    every_argument(crate = aio) {
        fn setup() -> Config {
            yield_!(Config::load());
        }
    }

    fallible_with_parameters() {
        /// Documented.
        #[inline]
        pub fn setup<P>(path: P, (a, mut b): (u32, u32)) -> io::Result<Config>
        where
            P: AsRef<Path> + 'static,
        {
            let signal = yield_!(Config::read(path)?);
            Ok(())
        }
    }

    impl_trait() {
        fn setup() -> impl Display + 'static {
            yield_!(1);
        }
    }

    echo() {
        enum Setup {}
    }

    fallback() {
        pub async fn setup(path: &Path) -> Result<&str, Error> {
            yield_!("1");
        }
    }
}

//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        async fn number() -> u32 {
            yield_!(1);
        }
    }

    nothing_yielded() {
        async fn report() {
            let exit = yield_!();
        }
    }

    every_argument(local, cleanup_timeout = "1m30s", crate = crate::reexport) {
        async fn number() -> u32 {
            yield_!(1);
        }
    }

    fallible_lent() {
        async fn transaction(db: Db) -> io::Result<&mut Tx> {
            let mut tx = db.begin().await?;
            yield_!(&mut tx);
            tx.commit().await
        }
    }

    lent_type() {
        async fn line(text: String) -> Line<'_> {
            yield_!(Line(&text));
        }
    }

    generics() {
        async fn keep<'a: 'static, T, const N: usize>(items: [&'a T; N]) -> [&'a T; N]
        where
            T: Sync,
        {
            yield_!(items);
        }
    }

    method_scoped(scoped) {
        pub(crate) async fn lease(&mut self, name: &str) -> Result<&mut Lease<'_>, Error> {
            yield_!(self.lease(name)?);
            Ok(())
        }
    }

    method_owned() {
        async fn own(mut self: Box<Self>) -> u32 {
            yield_!(self.n);
        }
    }

    patterns() {
        async fn sum(
            (a, _): (u32, String),
            #[cfg(unix)] mut b: u32,
            #[expect(unused_variables)] unused: u32,
            _: u32,
        ) -> u32 {
            yield_!(a + b);
        }
    }

    impl_trait() {
        async fn shown(what: impl Display + Send + 'static) -> Result<impl Display, Error> {
            yield_!(what);
            Ok(())
        }
    }

    attributes_kept() {
        /// Documented.
        #[inline]
        #[cfg(unix)]
        pub async unsafe fn r#match() -> u32 {
            yield_!(1);
        }
    }

    echo() {
        struct Number;
    }

    fallback(colour = "red") {
        /// Documented.
        pub async fn transaction<T: Send>(&self, (a, mut b): (u32, T)) -> Result<&mut Tx, Error> {
            let closure = || yield_!(1);
        }
    }

    fallback_impl_trait(colour = "red") {
        async fn shown() -> impl Display {
            yield_!(1);
        }
    }
}

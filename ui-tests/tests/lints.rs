//! Code that is clean stays clean under the attributes: `cargo clippy --all-targets` checks it, with all that
//! a strict crate may ask for.

#![deny(
    warnings,
    unused,
    future_incompatible,
    nonstandard_style,
    rust_2018_idioms,
    missing_docs,
    single_use_lifetimes,
    trivial_casts,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![forbid(unsafe_code)]

/// What a strict crate may hold.
pub mod clean {
    use std::fmt::Display;
    use std::io;
    use std::sync::Arc;

    use aiotools::{Exit, actxmgr};
    #[cfg(unix)]
    use aiotools::{Signal, WorkerContext};

    /// Yields a number.
    #[actxmgr]
    pub async fn number(n: u32) -> u32 {
        yield_!(n);
    }

    /// Ignores what it is given.
    #[actxmgr(cleanup_timeout = "1s")]
    pub async fn patterns((a, _): (u32, String), mut b: u32, _: Arc<u32>) -> u32 {
        b += a;
        yield_!(b);
    }

    /// May fail.
    ///
    /// # Errors
    ///
    /// If the text is empty.
    #[actxmgr]
    pub async fn lent(text: String) -> io::Result<&mut String> {
        if text.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut text = text;
        match yield_!(&mut text) {
            Exit::Completed => Ok(()),
            _ => Err(io::ErrorKind::Other.into()),
        }
    }

    /// Need not be `Send`.
    #[actxmgr(local)]
    pub async fn shown(what: impl Display + 'static) -> impl Display {
        let exit = yield_!(what.to_string());
        assert!(exit.is_completed(), "{exit}");
    }

    /// A pool.
    #[derive(Debug, Default)]
    pub struct Pool {
        leased: u32,
    }

    impl Pool {
        /// How many are out.
        #[must_use]
        pub const fn leased(&self) -> u32 {
            self.leased
        }

        /// Borrows.
        #[actxmgr(scoped)]
        pub async fn lease(&mut self, name: &str) -> (&mut Self, &str) {
            self.leased += 1;
            yield_!((self, name));
        }

        /// Owns.
        #[actxmgr]
        pub async fn own(mut self: Box<Self>) -> u32 {
            self.leased += 1;
            yield_!(self.leased);
        }

        /// Keeps.
        #[actxmgr]
        pub async fn keep(self: Arc<Self>) {
            yield_!();
        }
    }

    /// Serves.
    ///
    /// # Errors
    ///
    /// Never.
    #[cfg(unix)]
    #[aiotools::server]
    pub async fn worker(ctx: WorkerContext<String>) -> io::Result<()> {
        let signal: Signal = yield_!();
        println!("{signal} {}", ctx.main_context());
        Ok(())
    }

    /// Sets up.
    #[cfg(unix)]
    #[aiotools::main_context]
    pub fn setup(path: String) -> String {
        println!("{}", yield_!(path));
    }
}

#[tokio::test]
async fn clean_code_runs() {
    let number = clean::number(1).await;
    assert_eq!(*number, 1);
    number.exit().await;
    let mut pool = clean::Pool::default();
    let leased = pool
        .lease("one")
        .scope(async |(pool, _)| pool.leased())
        .await;
    assert_eq!(leased, 1);
}

/// A body owns all its arguments until its end, as that of an `async fn` does: also those that it does not
/// use, or uses in part.
#[tokio::test]
async fn arguments_live_as_long_as_the_body() {
    use std::sync::Arc;

    struct Holder(Arc<()>, u32);

    impl Holder {
        #[aiotools::actxmgr]
        async fn hold(self: Box<Self>, unused: Arc<()>, _: Arc<()>, (_, n): (Arc<()>, u32)) -> u32 {
            let _ = &unused;
            yield_!(self.1 + n);
        }
    }

    let counted = Arc::new(());
    let holder = Box::new(Holder(counted.clone(), 1));
    drop(holder.0.clone());
    let guard = holder
        .hold(counted.clone(), counted.clone(), (counted.clone(), 1))
        .await;
    assert_eq!((*guard, Arc::strong_count(&counted)), (2, 5));
    guard.exit().await;
    assert_eq!(Arc::strong_count(&counted), 1);
}

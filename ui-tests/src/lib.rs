//! The tests of what the attributes accept and refuse; see `tests/`. Here: that crates of older editions can
//! use them, in which an `impl Trait` captures less.
//!
//! ```edition2021
//! #![deny(warnings)]
//! use aiotools::actxmgr;
//!
//! struct Pool<'p>(&'p str);
//!
//! impl<'p> Pool<'p> {
//!     #[actxmgr(scoped)]
//!     async fn lease<T: std::fmt::Display>(&mut self, suffix: &str, t: &T) -> &mut String {
//!         let mut name = format!("{}{suffix}{t}", self.0);
//!         yield_!(&mut name);
//!         self.0 = "";
//!     }
//!
//!     #[actxmgr]
//!     async fn count(n: usize) -> usize {
//!         yield_!(n);
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let name = String::from("pool");
//! let mut pool = Pool(&name);
//! let lent = pool.lease("-", &1).scope(async |name| name.clone()).await;
//! let n = tokio::spawn(Pool::count(lent.len()).scope(async |n| n)).await.unwrap();
//! assert_eq!((lent.as_str(), n), ("pool-1", 6));
//! # }
//! ```
//!
//! ```edition2018
//! #![deny(warnings)]
//! use aiotools::actxmgr;
//!
//! #[actxmgr(scoped)]
//! async fn length(text: &str, _: (&u32, String)) -> usize {
//!     yield_!(text.len());
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! assert_eq!(length("abc", (&1, String::new())).scope(|n| async move { n }).await, 3);
//! # }
//! ```

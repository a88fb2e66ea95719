//! Cleanups in the background: who waits for them, who hears of their errors, how many there were.
//!
//! A guard that is dropped hands its cleanup over to a task of its own, see
//! [what if](crate::context#what-if-). This module is where such cleanups can be seen again:
//!
//! - [`drain`] waits for all that are running, up to a deadline. A program calls it before its runtime ends.
//! - [`set_error_hook`] says who is told when one fails, panics, runs out of time or cannot be run.
//! - [`stats`] counts how managers ended.
//!
//! ```
//! use std::time::Duration;
//!
//! use aiotools::{actxmgr, cleanup};
//!
//! #[actxmgr]
//! async fn upload() -> Result<(), &'static str> {
//!     yield_!();
//!     Err("the disk is full")
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! cleanup::set_error_hook(|error| eprintln!("{error}"));
//! drop(upload().await);
//! let drained = cleanup::drain(Duration::from_secs(5)).await; // prints the error
//! assert!(drained.is_complete());
//! # }
//! ```

pub(crate) mod detach;
pub(crate) mod report;
pub(crate) mod stats;
#[expect(
    unsafe_code,
    reason = "a future tied to a thread; see the argument on top of the file"
)]
mod thread_bound;
mod timed_out;
pub(crate) mod tracker;

pub(crate) use detach::Home;
pub use report::{CleanupError, reset_error_hook, set_error_hook};
pub use stats::{Stats, stats};
pub use timed_out::CleanupTimedOut;
pub use tracker::{Deadline, Drained, drain};

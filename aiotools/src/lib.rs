//! Async context managers, structured tasks and prefork servers for tokio.

pub mod cleanup;
pub mod context;
#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs)]
pub mod __private;

#[cfg(feature = "macros")]
#[doc(inline)]
pub use aiotools_macros::actxmgr;
#[doc(inline)]
pub use context::Exit;

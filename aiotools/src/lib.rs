//! Async context managers, structured tasks and prefork servers for tokio.

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs)]
pub mod __private;
pub mod cleanup;
pub mod context;

#[cfg(feature = "macros")]
#[doc(inline)]
pub use aiotools_macros::actxmgr;
#[doc(inline)]
pub use context::Exit;

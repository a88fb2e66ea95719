//! Async context managers, structured tasks and prefork servers for tokio.

pub mod cleanup;
pub mod context;

#[doc(inline)]
pub use context::Exit;

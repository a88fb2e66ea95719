//! Async context managers, structured tasks and prefork servers for tokio.

pub mod cleanup;
pub mod context;
#[cfg(all(unix, feature = "server"))]
pub mod server;

#[doc(inline)]
pub use context::Exit;
#[cfg(all(unix, feature = "server"))]
#[doc(inline)]
pub use server::{Phase, Server, ServerError, Signal, WorkerContext, process_index, start_server};

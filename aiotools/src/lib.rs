//! Async context managers, structured tasks and prefork servers for tokio.

#[cfg(all(unix, feature = "server"))]
pub mod server;

#[cfg(all(unix, feature = "server"))]
pub use server::{Phase, Server, ServerError, Signal, WorkerContext, process_index, start_server};

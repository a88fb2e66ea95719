//! Async context managers, structured tasks and prefork servers for tokio.

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs)]
pub mod __private;
pub mod cleanup;
pub mod context;
#[cfg(all(unix, feature = "server"))]
pub mod server;

#[cfg(feature = "macros")]
#[doc(inline)]
pub use aiotools_macros::actxmgr;
#[cfg(all(unix, feature = "macros", feature = "server"))]
#[doc(inline)]
pub use aiotools_macros::{main_context, server};
#[cfg(all(feature = "macros", not(all(unix, feature = "server"))))]
#[doc(hidden)]
pub use aiotools_macros::{main_context_unavailable as main_context, server_unavailable as server};
#[doc(inline)]
pub use context::Exit;
#[cfg(all(unix, feature = "server"))]
#[doc(inline)]
pub use server::{Phase, Server, ServerError, Signal, WorkerContext, process_index, start_server};

//! The tokio runtime of a worker.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// What the function given to [`Server::worker_runtime`](super::Server::worker_runtime) may return:
/// a [`Builder`], or a [`Runtime`], or the result of building one.
pub trait IntoWorkerRuntime {
    /// Builds the runtime.
    ///
    /// # Errors
    ///
    /// If the system refuses what the runtime needs. The worker then fails during its
    /// initialization.
    fn into_worker_runtime(self) -> io::Result<Runtime>;
}

/// Built with all drivers enabled.
impl IntoWorkerRuntime for Builder {
    fn into_worker_runtime(mut self) -> io::Result<Runtime> {
        self.enable_all().build()
    }
}

/// Taken as it is; it needs the I/O driver, and the time driver for what the worker does with time.
impl IntoWorkerRuntime for Runtime {
    fn into_worker_runtime(self) -> io::Result<Runtime> {
        Ok(self)
    }
}

impl<R: IntoWorkerRuntime> IntoWorkerRuntime for io::Result<R> {
    fn into_worker_runtime(self) -> io::Result<Runtime> {
        self?.into_worker_runtime()
    }
}

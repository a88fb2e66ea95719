//! The runtimes that `#[aiotools::main]` and `#[aiotools::test]` start.

mod either;
mod main;
mod signals;
mod test;

use tokio::runtime::{Builder, Runtime};

pub use main::run_main;
pub use test::run_test;
#[cfg(feature = "test-util")]
pub use test::run_virtual_test;

/// The kind of runtime.
#[derive(Clone, Copy, Debug)]
pub enum Flavor {
    /// Everything on the thread that started it.
    CurrentThread,
    /// With this many worker threads, or one for each core.
    MultiThread(Option<usize>),
}

impl Flavor {
    fn build(self) -> Runtime {
        #[cfg(all(unix, feature = "fork"))]
        crate::process::tokio_is_used();
        let mut builder = match self {
            Self::CurrentThread => Builder::new_current_thread(),
            Self::MultiThread(workers) => {
                let mut builder = Builder::new_multi_thread();
                if let Some(workers) = workers {
                    builder.worker_threads(workers);
                }
                builder
            }
        };
        match builder.enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("the runtime cannot be started: {error}"),
        }
    }
}

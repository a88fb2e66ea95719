//! What the benches share: the peers' shapes, and how they are measured.
//!
//! Times on a shared machine are only ever too long. So the contenders of a [`Race`] take turns in short samples (about a
//! millisecond), and what is quoted is the 10th percentile of many; the median and the 90th stand beside it, to show how noisy the
//! machine was. What does not depend on the machine's mood (allocations, bytes, instructions) goes into a [`Table`] as it is.
//!
//! What is printed is also written to the directory that `AIOTOOLS_BENCH_OUT` names, for `scripts/bench`.

pub mod alloc;
pub mod callgrind;
pub mod managers;
pub mod plot;
pub mod python;
pub mod question;
mod race;
mod samples;
pub mod server;
pub mod tasks;
pub mod timers;

pub use question::{Curve, Table};
pub use race::Race;
pub use samples::Samples;

/// A number from the environment: `ROUNDS` makes every bench shorter or longer.
#[must_use]
pub fn setting(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Runs `work` in a task of `runtime`, as real callers do, and waits for it.
///
/// # Panics
///
/// If `work` does.
pub fn within<T: Send + 'static>(
    runtime: &tokio::runtime::Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    runtime.block_on(async { tokio::spawn(work).await.expect("the work does not panic") })
}

/// The two kinds of runtime, with their names.
///
/// # Panics
///
/// Where no runtime can be made.
#[must_use]
pub fn runtimes() -> [(&'static str, tokio::runtime::Runtime); 2] {
    use tokio::runtime::Builder;
    let current = Builder::new_current_thread().enable_all().build();
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    [
        ("current-thread", current.expect("a runtime")),
        ("two workers", two.expect("a runtime")),
    ]
}

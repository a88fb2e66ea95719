//! Metrics that are flushed on a timer: never two flushes at once, and a last one when the program stops.
//!
//! ```text
//! cargo run --example metrics_flush                     # until Ctrl-C
//! cargo run --example metrics_flush -- --requests 40    # for so many requests
//! ```
//!
//! To be seen: a flush that takes longer than the interval makes the timer leave out those that are due meanwhile; one that fails is
//! reported and stops nothing; and however the program ends, no count is lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aiotools::{Exit, TimerBuilder, TimerDelayPolicy, actxmgr, catch_cancel};
use clap::Parser;
use tokio::time::sleep;

#[derive(Parser)]
#[command(about = "Metrics that are flushed on a timer")]
struct Args {
    /// End after this many requests
    #[arg(long)]
    requests: Option<u64>,
}

/// Where the numbers go.
#[derive(Default)]
struct Backend {
    flushes: AtomicU64,
    received: AtomicU64,
}

impl Backend {
    /// Every third flush is slow, every fourth fails.
    async fn send(&self, count: u64) -> io::Result<()> {
        let n = self.flushes.fetch_add(1, Ordering::Relaxed);
        if n % 3 == 2 {
            sleep(Duration::from_millis(250)).await;
        }
        if n % 4 == 3 {
            return Err(io::Error::other("the backend is busy"));
        }
        self.received.fetch_add(count, Ordering::Relaxed);
        println!("flushed {count}");
        Ok(())
    }
}

#[derive(Default)]
struct Metrics {
    count: AtomicU64,
    backend: Backend,
}

impl Metrics {
    async fn flush(&self) -> io::Result<()> {
        let count = self.count.swap(0, Ordering::Relaxed);
        if count == 0 {
            return Ok(());
        }
        self.backend.send(count).await.inspect_err(|_| {
            // For the next flush.
            self.count.fetch_add(count, Ordering::Relaxed);
        })
    }
}

/// Flushes every 100 ms as long as it is held, and once more at the end.
#[actxmgr]
async fn flushing(metrics: Arc<Metrics>) {
    let flushed = metrics.clone();
    let timer = TimerBuilder::new(Duration::from_millis(100))
        .name("flush")
        .policy(TimerDelayPolicy::Skip)
        .on_error(|error| println!("{error}"))
        .start(move |_| {
            let metrics = flushed.clone();
            // A flush that has begun is not cut in two.
            async move { aiotools::shield(async move { metrics.flush().await }).await }
        });
    let exit: Exit = yield_!();
    timer.cancel().await;
    while metrics.flush().await.is_err() {}
    println!(
        "last flush, because the program {exit}; {} were left out",
        timer.skipped()
    );
}

#[aiotools::main]
async fn main() {
    let args = Args::parse();
    let metrics = Arc::new(Metrics::default());
    let handled = flushing(metrics.clone())
        .scope(async |()| {
            let mut handled = 0;
            let serving = catch_cancel(async {
                while args.requests.is_none_or(|most| handled < most) {
                    sleep(Duration::from_millis(20)).await;
                    metrics.count.fetch_add(1, Ordering::Relaxed);
                    handled += 1;
                }
            });
            if let Err(cancelled) = serving.await {
                println!("stopping: {}", cancelled.reason());
            }
            handled
        })
        .await;
    let received = metrics.backend.received.load(Ordering::Relaxed);
    println!("{handled} requests, {received} received");
    assert_eq!(handled, received);
}

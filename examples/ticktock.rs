//! A timer that says `tick` and `tock`, and a task group that is cancelled with it.
//!
//! ```text
//! cargo run --example ticktock                    # until Ctrl-C
//! cargo run --example ticktock -- --ticks 3       # three of each
//! ```
//!
//! To be seen: ticks at each interval, without drift; on Ctrl-C the timer stops, the tick that runs is cancelled and cleans up, and the
//! program ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aiotools::{Cancelled, catch_cancel};
use clap::Parser;

#[derive(Parser)]
#[command(about = "A timer that says tick and tock")]
struct Args {
    /// End after this many ticks
    #[arg(long)]
    ticks: Option<u64>,
    /// Milliseconds between two ticks
    #[arg(long, default_value_t = 1000)]
    interval: u64,
}

#[aiotools::timer(policy = cancel, name = "ticktock")]
async fn ticktock(interval: Duration, count: Arc<AtomicU64>) -> Result<(), Cancelled> {
    let n = count.fetch_add(1, Ordering::Relaxed) + 1;
    println!("tick {n}");
    if let Err(cancelled) = catch_cancel(tokio::time::sleep(interval / 2)).await {
        println!("tick {n} was cancelled: {}", cancelled.reason());
        return Err(cancelled);
    }
    println!("tock {n}");
    Ok(())
}

#[aiotools::main(flavor = current_thread)]
async fn main() {
    let args = Args::parse();
    let count = Arc::new(AtomicU64::new(0));
    let interval = Duration::from_millis(args.interval);
    let timer = ticktock(interval, count.clone());
    let stopped = catch_cancel(async {
        match args.ticks {
            // Between two ticks.
            Some(ticks) => tokio::time::sleep(interval.mul_f64(ticks as f64 - 0.25)).await,
            None => std::future::pending().await,
        }
    });
    if let Err(cancelled) = stopped.await {
        println!("stopping: {}", cancelled.reason());
    }
    timer.cancel().await;
    println!("{} ticks", timer.ticks());
}

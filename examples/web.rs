//! A web server: an axum application in several worker processes that share one listening socket.
//!
//! ```text
//! cargo run --example web                       # 2 workers on 127.0.0.1:8080
//! cargo run --example web -- --workers 4 --bind 127.0.0.1:0
//! ```
//!
//! Ask it from another terminal: `curl http://127.0.0.1:8080/hello/ada`, `curl http://127.0.0.1:8080/slow`. Stop it with Ctrl-C or `kill` while
//! `/slow` is being answered: no worker ends before it has answered what it had been asked; idle keep-alive connections are closed.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aiotools::{ServerError, Signal, WorkerContext, timeout};
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use clap::Parser;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

#[derive(Parser)]
#[command(about = "An axum application in several worker processes")]
struct Args {
    /// Where to listen; port 0 takes any free port
    #[arg(long, default_value = "127.0.0.1:8080")]
    bind: String,
    /// How many worker processes
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// How many seconds open requests get to finish when the server stops
    #[arg(long, default_value_t = 10)]
    linger: u64,
}

/// What the handlers of one worker share.
struct App {
    worker: usize,
    requests: AtomicU64,
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/hello/{name}", get(hello))
        .route("/slow", get(slow))
        .with_state(app)
}

async fn hello(State(app): State<Arc<App>>, Path(name): Path<String>) -> String {
    let request = app.requests.fetch_add(1, Ordering::Relaxed) + 1;
    format!(
        "hello {name}, from worker {}, request {request}",
        app.worker
    )
}

async fn slow(State(app): State<Arc<App>>) -> String {
    info!(worker = app.worker, "asked to be slow");
    tokio::time::sleep(Duration::from_secs(1)).await;
    "at last".to_owned()
}

#[aiotools::server]
async fn worker(ctx: WorkerContext<(), Args>) -> io::Result<()> {
    let index = ctx.process_index();
    let app = Arc::new(App {
        worker: index,
        requests: AtomicU64::new(0),
    });
    let listener = ctx.listener(&ctx.args().bind)?;
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (app, stop) = (app.clone(), stop.clone());
        async move {
            axum::serve(listener, router(app))
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
        }
    });

    let signal: Signal = yield_!();

    info!(worker = index, "stopping on {signal}");
    stop.cancel();
    let linger = Duration::from_secs(ctx.args().linger);
    match timeout(linger, serving).await {
        Ok(served) => served??,
        Err(_) => warn!(worker = index, "requests are still open, cutting them"),
    }
    let requests = app.requests.load(Ordering::Relaxed);
    info!(worker = index, requests, "stopped");
    Ok(())
}

fn main() -> Result<(), ServerError> {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_target(false)
        .with_ansi(io::stdout().is_terminal())
        .init();
    aiotools::start_server(worker)
        .bind(&args.bind)
        .workers(args.workers)
        .wait_timeout(Duration::from_secs(args.linger + 5))
        .on_ready(|ready| {
            for addr in ready.local_addrs() {
                println!("listening on {addr}");
            }
        })
        .args(args)
        .run()
}

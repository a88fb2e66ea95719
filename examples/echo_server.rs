//! A TCP echo server: several worker processes that share one listening socket.
//!
//! ```text
//! cargo run --example echo_server                       # 4 workers on 127.0.0.1:8888
//! cargo run --example echo_server -- --workers 2 --bind 127.0.0.1:0 --log debug
//! ```
//!
//! Talk to it from another terminal (`nc 127.0.0.1 8888`), and stop it with Ctrl-C, or with `kill`: each
//! worker stops accepting, lets its open connections finish for up to `--linger`, and ends. The log says
//! which worker did what. A second Ctrl-C ends it at once.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use aiotools::{ServerError, Signal, TaskContext, WorkerContext, timeout};
use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// How long a client that was served before may think, once the server is stopping.
const SILENCE: Duration = Duration::from_secs(1);

#[derive(Parser)]
#[command(about = "A TCP echo server with several worker processes")]
struct Args {
    /// Where to listen; port 0 takes any free port
    #[arg(long, default_value = "127.0.0.1:8888")]
    bind: String,
    /// How many worker processes
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// How much to log: error, warn, info, debug, trace, or a filter
    #[arg(long, default_value = "info")]
    log: String,
    /// How many seconds open connections get to finish when the server stops
    #[arg(long, default_value_t = 5)]
    linger: u64,
    /// Where to listen for `aiotoolsctl`
    #[arg(long)]
    control_socket: Option<std::path::PathBuf>,
}

#[aiotools::server]
async fn worker(ctx: WorkerContext<(), Args>) -> io::Result<()> {
    let index = ctx.process_index();
    let linger = Duration::from_secs(ctx.args().linger);
    let listener = ctx.listener(&ctx.args().bind)?;
    let connections = Arc::new(TaskContext::named("connections"));
    let stop = CancellationToken::new();
    let accepting = tokio::spawn(accept(index, listener, connections.clone(), stop.clone()));

    let signal: Signal = yield_!();

    info!(
        worker = index,
        open = connections.len(),
        "stopping on {signal}"
    );
    stop.cancel();
    accepting.await?;
    if timeout(linger, connections.join()).await.is_err() {
        warn!(
            worker = index,
            cut = connections.len(),
            "connections are still open, cutting them"
        );
        connections.close().await;
    }
    info!(worker = index, "stopped");
    Ok(())
}

/// Accepts until told to stop; every connection is a task of its own.
async fn accept(
    index: usize,
    listener: TcpListener,
    connections: Arc<TaskContext>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                debug!(worker = index, %peer, "connected");
                connections.spawn(serve(index, stream, stop.clone()));
            }
            // Out of file descriptors, or a client that has gone already: the next one may be luckier.
            Err(error) => {
                warn!(worker = index, %error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Echoes until the client hangs up, or until the server stops and the client falls silent.
async fn serve(index: usize, mut stream: TcpStream, stop: CancellationToken) {
    match echo(&mut stream, &stop).await {
        Ok(bytes) => debug!(worker = index, bytes, "disconnected"),
        Err(error) => debug!(worker = index, %error, "connection lost"),
    }
}

async fn echo(stream: &mut TcpStream, stop: &CancellationToken) -> io::Result<u64> {
    let mut buffer = [0; 16 * 1024];
    let mut bytes = 0;
    loop {
        let read = tokio::select! {
            // What the client has sent already is answered, also when the server is about to stop. One
            // that was accepted and has sent nothing yet is waited for: its request may be on its way.
            biased;
            read = stream.read(&mut buffer) => read?,
            () = silence_after(stop), if bytes > 0 => break,
        };
        if read == 0 {
            break;
        }
        stream.write_all(&buffer[..read]).await?;
        bytes += read as u64;
    }
    stream.shutdown().await?;
    Ok(bytes)
}

/// Ends when the server is stopping and [`SILENCE`] has passed since, or since this was called.
async fn silence_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(SILENCE).await;
}

fn main() -> Result<(), ServerError> {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(&args.log)
        .with_target(false)
        .with_ansi(io::stdout().is_terminal())
        .init();
    let mut server = aiotools::start_server(worker);
    if let Some(path) = &args.control_socket {
        server = server.control_socket(path);
    }
    server
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

//! The servers that are written here: one way to serve a connection, in the hands of each peer.

use std::{
    io::{self, Write as _},
    net::TcpListener as StdListener,
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_server::Server;
use actix_service::fn_service;
use aiotools::{ServerError, TaskContext, WorkerContext, server::Listen};
use nix::unistd::{ForkResult, alarm, pause};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

use super::{ANSWER, Kind, Wire};
use crate::alloc;

/// No server outlives this, whatever becomes of the bench.
const LIFE: u32 = 15 * 60;

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";

/// Runs one of the servers if the command line asks for it, as [`Peer::start`](super::Peer::start)
/// does; returns if not.
pub fn serve_if_asked() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() != Some("serve") {
        return;
    }
    let [kind, wire, workers] = std::array::from_fn(|_| args.next().unwrap_or_default());
    let wire = match &*wire {
        "echo" => Wire::Echo,
        _ => Wire::Http,
    };
    let workers = workers.parse().expect("a number of workers");
    alarm::set(LIFE);
    match Kind::by_name(&kind) {
        Some(Kind::Aiotools) => aiotools_server(wire, workers, false),
        Some(Kind::AiotoolsQueues) => aiotools_server(wire, workers, true),
        Some(Kind::MultiThread) => multi_thread(wire, workers),
        Some(Kind::Forked) => forked(wire, workers),
        Some(Kind::ReusePort) => reuse_port(wire, workers),
        Some(Kind::Actix) => actix(wire, workers),
        _ => panic!("no server `{kind}` is written here"),
    }
    exit(0)
}

/// Tells the bench where to connect, and how long the start took.
fn ready(listener: &std::net::SocketAddr, since: Instant) {
    println!(
        "listening on {listener} after {} ns",
        since.elapsed().as_nanos()
    );
}

async fn serve(wire: Wire, mut stream: TcpStream) {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    // A client that goes away is not an event.
    let _ = match wire {
        Wire::Http => http(&mut stream).await,
        Wire::Echo => echo(&mut stream).await,
    };
}

async fn http(stream: &mut TcpStream) -> io::Result<()> {
    const END: &[u8] = b"\r\n\r\n";
    let mut buffer = [0; 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Ok(()),
            n => filled += n,
        }
        let mut rest = &buffer[..filled];
        while let Some(end) = rest.windows(END.len()).position(|bytes| bytes == END) {
            if rest.starts_with(b"GET /a") {
                answer(stream).await?;
            } else {
                stream.write_all(RESPONSE).await?;
            }
            rest = &rest[end + END.len()..];
        }
        let left = rest.len();
        buffer.copy_within(filled - left..filled, 0);
        filled = left;
    }
}

async fn echo(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n if &buffer[..n] == Wire::Echo.question() => answer(stream).await?,
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// How many connections this process has served.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// The pid, the allocations and the connections of this worker.
async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut text = [0; ANSWER];
    writeln!(
        &mut text[..],
        "{:>10} {:>18} {:>17}",
        std::process::id(),
        alloc::calls(),
        CONNECTIONS.load(Ordering::Relaxed)
    )?;
    stream.write_all(&text).await
}

/// Accepts for ever; `start` has each connection served in a task.
async fn accept(listener: TcpListener, start: impl Fn(TcpStream)) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            start(stream);
        }
    }
}

async fn accept_and_spawn(listener: StdListener, wire: Wire) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    accept(listener, |stream| drop(tokio::spawn(serve(wire, stream)))).await;
}

#[aiotools::server]
async fn worker(ctx: WorkerContext<(), Wire>) -> io::Result<()> {
    let listener = ctx.listener("bench")?;
    let wire = *ctx.args();
    let connections = Arc::new(TaskContext::named("connections"));
    let accepting = tokio::spawn({
        let connections = connections.clone();
        accept(listener, move |stream| {
            drop(connections.spawn(serve(wire, stream)))
        })
    });
    yield_!();
    accepting.abort();
    let _ = accepting.await;
    // Keep-alive connections that stay open are cut.
    let _ = aiotools::timeout(Duration::from_secs(1), connections.join()).await;
    Ok(())
}

fn aiotools_server(wire: Wire, workers: usize, reuse_port: bool) {
    let since = Instant::now();
    let listen = Listen::tcp("127.0.0.1:0").name("bench");
    let ended: Result<(), ServerError> = aiotools::start_server(worker)
        .args(wire)
        .bind_with(listen.backlog(4096).reuse_port(reuse_port))
        .workers(workers)
        .wait_timeout(Duration::from_secs(5))
        .on_ready(move |server| ready(&server.local_addrs()[0], since))
        .run();
    if let Err(err) = ended {
        eprintln!("{err:?}");
    }
}

fn multi_thread(wire: Wire, workers: usize) {
    let since = Instant::now();
    let listener = listen(false);
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime");
    ready(&listener.local_addr().expect("an address"), since);
    // The accept loop is a task on a worker; the main thread only waits.
    let accepting = runtime.spawn(accept_and_spawn(listener, wire));
    runtime.block_on(accepting).expect("no panic");
}

fn current_thread(listener: StdListener, wire: Wire) {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(accept_and_spawn(listener, wire));
}

#[allow(
    unsafe_code,
    reason = "fork is unsafe; the argument stands at the call"
)]
fn forked(wire: Wire, workers: usize) {
    let since = Instant::now();
    let listener = listen(false);
    for _ in 0..workers {
        // SAFETY: this process has one thread, and has not used tokio.
        match unsafe { nix::unistd::fork() }.expect("fork") {
            ForkResult::Child => {
                alarm::set(LIFE); // A fork does not inherit it.
                current_thread(listener, wire);
                exit(0);
            }
            ForkResult::Parent { .. } => {}
        }
    }
    ready(&listener.local_addr().expect("an address"), since);
    pause();
}

fn reuse_port(wire: Wire, workers: usize) {
    let since = Instant::now();
    let first = listen(true);
    let addr = first.local_addr().expect("an address");
    let rest = (1..workers).map(|_| listen_on(addr, true));
    let listeners: Vec<_> = std::iter::once(first).chain(rest).collect();
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| std::thread::spawn(move || current_thread(listener, wire)))
        .collect();
    ready(&addr, since);
    for thread in threads {
        thread.join().expect("no panic");
    }
}

fn actix(wire: Wire, workers: usize) {
    let since = Instant::now();
    let listener = listen(false);
    let addr = listener.local_addr().expect("an address");
    actix_rt::System::new().block_on(async {
        let server = Server::build()
            .workers(workers)
            .listen("bench", listener, move || {
                fn_service(move |stream: TcpStream| async move {
                    serve(wire, stream).await;
                    Ok::<_, ()>(())
                })
            })
            .expect("a listener")
            .run();
        ready(&addr, since);
        server.await.expect("no error");
    });
}

fn listen(reuse_port: bool) -> StdListener {
    listen_on(([127, 0, 0, 1], 0).into(), reuse_port)
}

fn listen_on(addr: std::net::SocketAddr, reuse_port: bool) -> StdListener {
    use socket2::{Domain, Socket, Type};
    let listen = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_port(reuse_port)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(4096)?;
        io::Result::Ok(socket.into())
    };
    listen().expect("a listener on the loopback")
}

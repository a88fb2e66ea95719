//! The workers and main contexts to choose from.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    future::pending,
    io, process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use aiotools::{
    ServerError, WorkerContext, actxmgr, process_index,
    server::{RestartPolicy, Server, ServerEvent, ServerHandle, ServerWorker},
    start_server,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    runtime, task,
    time::{sleep, timeout},
};

use super::settings::{Settings, say};

/// The arguments of every worker.
pub(crate) struct Args {
    answer: u32,
}

impl Drop for Args {
    fn drop(&mut self) {
        say!("args dropped in {}", place());
    }
}

/// What the main context yields: neither `Clone` nor `Copy`.
pub(crate) struct Config {
    answer: u32,
    changes: AtomicU32,
}

impl Drop for Config {
    fn drop(&mut self) {
        say!("config dropped in {}", place());
    }
}

fn place() -> String {
    process_index().map_or_else(|| "parent".to_owned(), |index| format!("worker {index}"))
}

thread_local! {
    /// How many workers have been started, by index. The parent counts, and each worker has the count from before
    /// its own start.
    static STARTS: RefCell<HashMap<usize, u32>> = RefCell::default();
}

/// Tells, and counts, what the parent is told.
fn watch(event: &ServerEvent) {
    match event {
        ServerEvent::WorkerStarted { index, pid, .. } => {
            STARTS.with_borrow_mut(|starts| *starts.entry(*index).or_default() += 1);
            say!("event started {index} {pid}");
        }
        ServerEvent::WorkerReady { index, pid, .. } => say!("event ready {index} {pid}"),
        ServerEvent::WorkerEnded { index, pid, .. } => say!("event ended {index} {pid}"),
        ServerEvent::WorkerFailed {
            failure, survived, ..
        } => {
            let what = if *survived { "survived" } else { "failed" };
            say!("event {what} {}: {failure}", failure.index());
        }
        ServerEvent::Respawn { index, after, .. } => {
            say!("event respawn {index} {}", after.as_millis())
        }
        ServerEvent::ReloadStarted => say!("event reload started"),
        ServerEvent::ReloadDone => say!("event reload done"),
        ServerEvent::ReloadFailed { failure, .. } => say!("event reload failed: {failure}"),
        ServerEvent::Scaled { workers, .. } => say!("event scaled {workers}"),
        ServerEvent::WorkerHung { index, tree, .. } => {
            let tree = tree.as_deref().map_or("no tree", |tree| {
                if tree.contains("the one that hangs") {
                    "a tree"
                } else {
                    tree
                }
            });
            say!("event hung {index} {tree}");
        }
        ServerEvent::Recycle {
            index, pid, cause, ..
        } => say!("event recycle {index} {pid} {cause:?}"),
        ServerEvent::Inspected { status, .. } => {
            say!("event inspected");
            for line in status.to_string().lines() {
                say!("status {line}");
            }
        }
        other => say!("event {other:?}"),
    }
}

/// For the worker that obeys.
static HANDLE: OnceLock<ServerHandle> = OnceLock::new();

static SETTINGS: OnceLock<Settings> = OnceLock::new();

fn settings() -> &'static Settings {
    SETTINGS.get().expect("set by `run`")
}

pub(crate) fn run(settings: Settings) -> Result<(), ServerError> {
    let settings = SETTINGS.get_or_init(|| settings);
    if settings.has("log") {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(io::stderr)
            .init();
    }
    if settings.has("thread") {
        thread::spawn(|| thread::sleep(Duration::from_secs(600)));
    }
    let before = (signal_state(), descriptors());
    let result = if settings.has("in_runtime") {
        let runtime = runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async { start(settings) })
    } else {
        start(settings)
    };
    if settings.has("again") {
        let _ = start(settings);
    }
    let kept = |same| if same { "as before" } else { "changed" };
    say!("signals {}", kept(signal_state() == before.0));
    say!("descriptors {}", kept(descriptors() == before.1));
    say!("children {}", children());
    if let Err(err) = &result {
        say!(
            "refused={} bind={} main={}",
            err.is_refused(),
            err.is_bind(),
            err.is_main_context()
        );
        for failure in err.workers() {
            say!("failure {} {}: {failure}", failure.index(), failure.phase());
        }
    }
    result
}

fn start(settings: &Settings) -> Result<(), ServerError> {
    match settings.text("worker") {
        "" => go(start_server(plain), settings),
        "echo" => go(start_server(echo), settings),
        "unix" => go(start_server(unix), settings),
        "obedient" => go(start_server(obedient), settings),
        "slow" => go(start_server(slow), settings),
        "unknown_listener" => go(start_server(unknown_listener), settings),
        other => panic!("no worker {other}"),
    }
}

fn go<W>(server: Server<W>, settings: &Settings) -> Result<(), ServerError>
where
    W: ServerWorker<Config, Args>,
{
    let panic_in = settings.text("panic_in").to_owned();
    let began = Instant::now();
    let mut server = server
        .args(Args { answer: 123 })
        .main_context(setup)
        .workers(settings.number("workers", 2) as usize)
        .wait_timeout(Duration::from_millis(settings.number("wait_ms", 20_000)))
        .on_phase(move |phase| {
            say!("phase {phase:?}");
            assert_ne!(format!("{phase:?}"), panic_in, "told to panic");
        })
        .ready_timeout(Duration::from_millis(settings.number("ready_ms", 60_000)))
        .on_event(watch)
        .on_ready(move |ready| {
            say!("took {} us", began.elapsed().as_micros());
            for addr in ready.local_addrs() {
                say!("address {addr}");
            }
            say!("ready {:?}", ready.worker_pids());
        });
    for addr in settings.list("bind") {
        server = server.bind(addr);
    }
    for path in settings.list("bind_unix") {
        server = server.bind_unix(path);
    }
    if settings.has("signals") {
        server = server.stop_signals(
            settings
                .list("signals")
                .map(|name| name.parse().expect("a signal")),
        );
    }
    if settings.has("completion") {
        server = server.run_to_completion();
    }
    if settings.text("restart") == "never" {
        server = server.restart(RestartPolicy::never());
    } else if settings.has("restart") {
        server = server.restart(restart_policy(settings));
    }
    if let [interval, limit] = millis(settings, "heartbeat")[..] {
        server = server.heartbeat(interval, limit);
    }
    if let [age] = millis(settings, "max_age")[..] {
        server = server.max_age(age);
    }
    if settings.has("max_requests") {
        server = server.max_requests(settings.number("max_requests", 0));
    }
    if settings.has("max_mib") {
        server = server.max_memory(settings.number("max_mib", 0) << 20);
    }
    if settings.has("handle") {
        let handle = server.handle().expect("a pipe");
        let _ = HANDLE.set(handle);
    }
    if settings.has("portable") {
        server = server.portable();
    }
    if settings.has("threads") {
        server = server.worker_runtime(|| {
            let mut runtime = runtime::Builder::new_multi_thread();
            runtime.worker_threads(2);
            runtime
        });
    }
    server.run()
}

/// The numbers of a list, in milliseconds.
fn millis(settings: &Settings, key: &str) -> Vec<Duration> {
    let millis = |item: &str| Duration::from_millis(item.parse().expect("a number"));
    settings.list(key).map(millis).collect()
}

/// `restart=MIN,MAX,BUDGET,WINDOW`, with times in milliseconds.
fn restart_policy(settings: &Settings) -> RestartPolicy {
    let [min, max, _, window] = millis(settings, "restart")[..] else {
        panic!("restart=MIN,MAX,BUDGET,WINDOW")
    };
    let budget = settings.list("restart").nth(2).map(str::parse);
    RestartPolicy::new()
        .backoff(min, max)
        .budget(budget.expect("four").expect("a number"), window)
}

#[aiotools::main_context]
fn setup() -> io::Result<Config> {
    let settings = settings();
    say!("main start in {}", process::id());
    thread::sleep(Duration::from_millis(settings.number("main_ms", 0)));
    if settings.text("fail_main") == "setup" {
        return Err(io::Error::other("main bang"));
    }
    if settings.has("main_thread") {
        thread::spawn(|| thread::sleep(Duration::from_secs(600)));
    }
    let signal = yield_!(Config {
        answer: 987,
        changes: AtomicU32::new(0)
    });
    say!("main stop {signal}");
    if settings.text("fail_main") == "shutdown" {
        return Err(io::Error::other("main bang"));
    }
    Ok(())
}

/// Its cleanup takes a while, and says when it is done.
#[actxmgr]
async fn lease(index: usize) -> () {
    let exit = yield_!();
    sleep(Duration::from_millis(50)).await;
    say!("cleaned {index} {exit:?}");
}

/// Says what it is given; fails and hangs where it is told to.
#[aiotools::server]
async fn plain(ctx: WorkerContext<Config, Args>) -> io::Result<()> {
    let (settings, index) = (settings(), ctx.process_index());
    assert_eq!(process_index(), Some(index));
    let config = ctx.main_context();
    config.changes.fetch_add(1, Relaxed);
    say!(
        "start {index} ({}, {}) {}",
        config.answer,
        ctx.args().answer,
        config.changes.load(Relaxed)
    );
    let _lease = lease(index).await;
    let first = STARTS.with_borrow(|starts| !starts.contains_key(&index));
    act(settings, index, if first { "setup" } else { "later_setup" }).await?;
    let signal = yield_!();
    say!("stop {index} {signal}");
    act(
        settings,
        index,
        if first { "shutdown" } else { "later_shutdown" },
    )
    .await?;
    say!("end {index}");
    Ok(())
}

/// Does to the worker what the settings have for it here, as `setup=0:error,2:panic`.
async fn act(settings: &Settings, index: usize, place: &str) -> io::Result<()> {
    let own = settings
        .list(place)
        .filter_map(|item| item.split_once(':'))
        .find(|(whom, _)| *whom == "all" || *whom == index.to_string());
    match own.map(|(_, what)| what) {
        None => Ok(()),
        Some("error") => Err(io::Error::other(format!("boom {index}"))),
        Some("panic") => panic!("boom {index}"),
        Some("exit") => process::exit(7),
        Some("kill") => {
            nix::sys::signal::raise(nix::sys::signal::SIGKILL)?;
            Ok(())
        }
        Some("command") => {
            let found = tokio::process::Command::new("grep")
                .args(["-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"])
                .output()
                .await?;
            for line in String::from_utf8_lossy(&found.stdout).lines() {
                say!("command {line}");
            }
            Ok(())
        }
        Some("hang") => pending().await,
        Some("block") => {
            thread::sleep(Duration::from_secs(600));
            Ok(())
        }
        Some("stray") => {
            task::spawn_blocking(|| thread::sleep(Duration::from_secs(600)));
            Ok(())
        }
        Some(millis) => {
            sleep(Duration::from_millis(millis.parse().expect("milliseconds"))).await;
            Ok(())
        }
    }
}

/// Never gets ready, and says when what it has set up is dropped.
#[aiotools::server]
async fn slow(ctx: WorkerContext<Config, Args>) {
    struct Held(usize);
    impl Drop for Held {
        fn drop(&mut self) {
            say!("dropped {}", self.0);
        }
    }

    let _held = Held(ctx.process_index());
    let _lease = lease(ctx.process_index()).await;
    say!("start {}", ctx.process_index());
    sleep(Duration::from_secs(600)).await;
    yield_!();
}

#[aiotools::server]
async fn unknown_listener(ctx: WorkerContext<Config, Args>) -> io::Result<()> {
    ctx.listener("127.0.0.1:1")?;
    yield_!();
    Ok(())
}

/// Echoes lines. On the stop it accepts no more, and lets the connections end.
#[aiotools::server]
async fn echo(ctx: WorkerContext<Config, Args>) -> io::Result<()> {
    let listener = ctx.listener(settings().text("bind"))?;
    assert_eq!(listener.local_addr()?, ctx.local_addrs()[0]);
    let mut connections = task::JoinSet::new();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let accept = task::spawn(async move {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(echo_lines(stream))),
                    Err(err) => say!("accept failed: {err}"),
                },
                _ = &mut stopped => return connections,
            }
        }
    });
    let signal = yield_!();
    say!("stop {} {signal}", ctx.process_index());
    drop(stop);
    let mut connections = accept.await?;
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Does what it is told, line by line.
#[aiotools::server]
async fn obedient(ctx: WorkerContext<Config, Args>) -> io::Result<()> {
    let listener = ctx.listener(settings().text("bind"))?;
    let accept = task::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let name = "the one that hangs";
            let serve = aiotools::TaskScope::builder()
                .name(name)
                .scope(async move |_| obey(ctx, stream).await);
            task::spawn(serve);
        }
    });
    yield_!();
    accept.abort();
    Ok(())
}

async fn obey(ctx: WorkerContext<Config, Args>, stream: tokio::net::TcpStream) -> io::Result<()> {
    let _open = ctx.count_connection();
    let handle = || HANDLE.get().expect("`handle` was set");
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "block" => thread::sleep(Duration::from_secs(600)),
            "request" => ctx.count_request(),
            "fill" => drop(Box::leak(vec![1_u8; 64 << 20].into_boxed_slice())),
            "reload" => handle().reload()?,
            "scale" => handle().scale(3)?,
            "inspect" => handle().inspect()?,
            "stop" => handle().stop()?,
            _ => {}
        }
        let answer = format!("{line} {}\n", process::id());
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

async fn echo_lines(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    while let Ok(Ok(Some(line))) = timeout(Duration::from_secs(10), lines.next_line()).await {
        sleep(Duration::from_millis(5)).await;
        if write
            .write_all(format!("{line} from {}\n", place()).as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

#[aiotools::server]
async fn unix(ctx: WorkerContext<Config, Args>) -> io::Result<()> {
    let listener = ctx.unix_listener(settings().text("bind_unix"))?;
    let accept = task::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            task::spawn(echo_lines(stream));
        }
    });
    yield_!();
    accept.abort();
    Ok(())
}

/// The signal mask and dispositions of this process, without the real-time signals: the C library
/// keeps the first of them for itself, and handles them as soon as there is a second thread.
fn signal_state() -> Vec<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let signals = |line: &str| {
        let (key, bits) = line.split_once(":\t")?;
        let bits = ["SigBlk", "SigIgn", "SigCgt"]
            .contains(&key)
            .then_some(bits)?;
        u64::from_str_radix(bits, 16)
            .ok()
            .map(|bits| bits & 0x7fff_ffff)
    };
    status.lines().filter_map(signals).collect()
}

/// What descriptors this process has.
fn descriptors() -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| {
        entry
            .ok()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    let mut names: Vec<_> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter_map(name)
        .collect();
    names.sort();
    names
}

/// How many children this process has, dead ones included.
fn children() -> usize {
    let path = format!("/proc/self/task/{}/children", process::id());
    fs::read_to_string(path).map_or(0, |list| list.split_whitespace().count())
}

//! The workers: they answer each line with who they are and where it came in.

use std::{env, io, process, sync::OnceLock, time::Duration};

use aiotools::{
    ServerError, TaskScope, WorkerContext,
    server::{ExtraContext, Listen},
    start_server,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, UnixListener},
    sync::watch,
    task,
    time::{sleep, timeout},
};

use super::settings::{Settings, say};

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
    let mut server = start_server(worker)
        .args(987)
        .workers(settings.number("workers", 2) as usize)
        .wait_timeout(Duration::from_millis(settings.number("wait_ms", 20_000)))
        .on_phase(|phase| say!("phase {phase:?}"))
        .on_event(|event| say!("event {event:?}"))
        .on_ready(|ready| {
            for addr in ready.local_addrs() {
                say!("address {addr}");
            }
            say!("ready {:?}", ready.worker_pids());
        });
    for text in settings.list("listen") {
        server = server.bind_with(listen(text));
    }
    if !settings.text("control").is_empty() {
        server = server.control_socket(settings.text("control"));
    }
    if settings.has("upgrade_to") {
        server = server.upgrade_to(settings.text("upgrade_to"));
    }
    server = server.upgrade_timeout(Duration::from_millis(settings.number("upgrade_ms", 20_000)));
    if settings.has("user") {
        server = server.user(settings.text("user"));
    }
    if settings.has("group") {
        server = server.group(settings.text("group"));
    }
    if settings.has("groups") {
        server = server.supplementary_groups(settings.list("groups"));
    }
    if settings.has("umask") {
        server = server.umask(0o027);
    }
    if settings.has("no_new_privs") {
        server = server.no_new_privs();
    }
    if settings.has("ignore") {
        server = server.ignore_child_interrupts();
    }
    if settings.has("prestart") {
        server = server.prestart_hook(prestart);
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
    if settings.has("portable") {
        server = server.portable();
    }
    if settings.has("never") {
        server = server.restart(aiotools::server::RestartPolicy::never());
    }
    let result = if settings.has("extra") {
        let server = server.extra_proc(extra).extra_proc(extra);
        // A closure does as well.
        server
            .extra_proc(|ctx| {
                say!("closure in {}", ctx.process_index());
                extra(ctx)
            })
            .run()
    } else {
        server.run()
    };
    say!("environment {}", environment());
    result
}

/// Of `tcp:127.0.0.1:0|name=a|reuse_port`, `unix:/path|mode=660`, `activated:web|or=tcp:..`.
fn listen(text: &str) -> Listen {
    let mut parts = text.split('|');
    let place = parts.next().unwrap_or_default();
    let mut listen = match place.split_once(':') {
        Some(("tcp", addr)) => Listen::tcp(addr),
        Some(("unix", path)) => Listen::unix(path),
        Some(("activated", name)) => Listen::activated(name),
        _ => panic!("where is {place}"),
    };
    for part in parts {
        listen = match part.split_once('=').unwrap_or((part, "")) {
            ("name", name) => listen.name(name),
            ("backlog", number) => listen.backlog(number.parse().expect("a number")),
            ("mode", mode) => listen.mode(u32::from_str_radix(mode, 8).expect("octal")),
            ("reuse_port", _) => listen.reuse_port(true),
            ("or", other) => listen.or(self::listen(other)),
            _ => panic!("what is {part}"),
        };
    }
    listen
}

/// What it does is the business of the test; the first of them may fail.
fn extra(ctx: ExtraContext<(), usize>) -> io::Result<()> {
    let index = ctx.process_index();
    assert_eq!(aiotools::process_index(), Some(index));
    assert!(tokio::runtime::Handle::try_current().is_err());
    say!("extra {index} {} {}", ctx.args() + index, process::id());
    let first = index == settings().number("workers", 2) as usize;
    match settings().text("extra") {
        "short" => assert_eq!(ctx.stop().wait_timeout(Duration::from_millis(100)), None),
        "error" if first => return Err(io::Error::other("extra boom")),
        "panic" if first => panic!("extra boom"),
        "deaf" if first => loop {
            std::thread::park();
        },
        "runtime" => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(async { task::spawn(async {}).await })?;
        }
        "group" if first => {
            let until_stop = async move {
                let wait = task::spawn_blocking(move || ctx.stop().wait());
                wait.await.map(drop)
            };
            let collect = TaskScope::scope(async |scope| {
                scope.spawn_named("collector", until_stop);
            });
            tokio::runtime::Runtime::new()?.block_on(collect);
        }
        _ => {}
    }
    if settings().text("extra") != "short" {
        let signal = ctx.stop().wait_timeout(Duration::from_secs(600));
        say!("extra stop {index} {}", signal.expect("it is told to"));
    }
    say!("extra end {index}");
    Ok(())
}

fn prestart(index: usize) -> io::Result<()> {
    assert_eq!(aiotools::process_index(), Some(index));
    assert!(tokio::runtime::Handle::try_current().is_err());
    say!("prestart {index} {}", rights());
    match settings()
        .list("prestart")
        .any(|failing| failing == index.to_string())
    {
        true => Err(io::Error::other("no start today")),
        false => Ok(()),
    }
}

/// Who this process is, by the kernel.
fn rights() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let wanted = ["Uid", "Gid", "Groups", "Umask", "NoNewPrivs"];
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let wanted = lines.filter(|(key, _)| wanted.contains(key));
    let parts: Vec<_> = wanted
        .map(|(key, value)| {
            let values: Vec<_> = value.split_whitespace().collect();
            format!("{key}={}", values.join(","))
        })
        .collect();
    parts.join(" ")
}

/// What is left of the variables of the service manager.
fn environment() -> String {
    let prefixes = ["LISTEN_", "NOTIFY_", "WATCHDOG_", "AIOTOOLS_"];
    let left: Vec<_> = env::vars()
        .map(|(name, _)| name)
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    format!("{left:?}")
}

/// `serve=a,b` are the names or addresses to listen on, and `serve_unix=c` those of Unix sockets.
#[aiotools::server]
async fn worker(ctx: WorkerContext<(), usize>) -> io::Result<()> {
    let (settings, index) = (settings(), ctx.process_index());
    say!("start {index} {} {}", process::id(), environment());
    say!("rights {index} {}", rights());
    if settings
        .list("fail")
        .any(|failing| failing == index.to_string())
    {
        return Err(io::Error::other(format!("boom {index}")));
    }
    if settings.has("hang_if") && std::path::Path::new(settings.text("hang_if")).exists() {
        std::future::pending::<()>().await;
    }
    if settings.has("fail_if") && std::path::Path::new(settings.text("fail_if")).exists() {
        return Err(io::Error::other("told to fail"));
    }
    let mut serving = Vec::new();
    let (stop, stopped) = watch::channel(());
    for name in settings.list("serve") {
        for listener in ctx.listeners(name)? {
            let via = format!("{name}@{}", listener.local_addr()?);
            serving.push(task::spawn(accept_tcp(
                listener,
                index,
                via,
                stopped.clone(),
            )));
        }
    }
    for name in settings.list("serve_unix") {
        for listener in ctx.unix_listeners(name)? {
            serving.push(task::spawn(accept_unix(
                listener,
                index,
                name.to_owned(),
                stopped.clone(),
            )));
        }
    }
    let signal = yield_!();
    say!("stop {index} {signal}");
    if settings
        .list("fail_stop")
        .any(|failing| failing == index.to_string())
    {
        return Err(io::Error::other(format!("late boom {index}")));
    }
    drop(stop);
    // Each that was accepted is served to its end.
    for task in serving {
        let mut connections: task::JoinSet<()> = task.await?;
        while connections.join_next().await.is_some() {}
    }
    Ok(())
}

async fn accept_tcp(
    listener: TcpListener,
    index: usize,
    via: String,
    mut stopped: watch::Receiver<()>,
) -> task::JoinSet<()> {
    let mut connections = task::JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(answer(stream, index, via.clone()));
                pause().await;
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => return connections,
        }
    }
}

async fn accept_unix(
    listener: UnixListener,
    index: usize,
    via: String,
    mut stopped: watch::Receiver<()>,
) -> task::JoinSet<()> {
    let mut connections = task::JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(answer(stream, index, via.clone()));
                pause().await;
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => return connections,
        }
    }
}

/// With `slow_ms`, so that others have to wait.
async fn pause() {
    if settings().has("slow_ms") {
        sleep(Duration::from_millis(settings().number("slow_ms", 0))).await;
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, index: usize, via: String) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    while let Ok(Ok(Some(line))) = timeout(Duration::from_secs(10), lines.next_line()).await {
        let text = format!("{line} from worker {index} {} via {via}\n", process::id());
        if write.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

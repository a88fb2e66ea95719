//! The server of aiotools.

use std::{collections::HashMap, io, path::Path, sync::OnceLock, time::Duration};

use aiotools::{
    ServerError, WorkerContext,
    server::{Listen, RestartPolicy, ServerEvent},
    start_server,
};

use crate::{say, serve::Serving};

static SETTINGS: OnceLock<HashMap<String, String>> = OnceLock::new();

#[aiotools::server]
async fn worker(ctx: WorkerContext) -> io::Result<()> {
    let settings = SETTINGS.get().expect("set by `run`");
    let listener = ctx.listener(&settings["addr"])?;
    let work = settings["work_us"].parse().map_err(io::Error::other)?;
    let books = Path::new(&settings["books"]);
    let serving = Serving::start(listener, books, Duration::from_micros(work))?;
    yield_!();
    serving.stop().await
}

pub(crate) fn run(settings: HashMap<String, String>) -> Result<(), ServerError> {
    let settings = SETTINGS.get_or_init(|| settings);
    // One queue for all workers, or one for each.
    let listen = Listen::tcp(&settings["addr"]).reuse_port(settings["queues"] == "many");
    let ended = start_server(worker)
        .bind_with(listen)
        .workers(settings["workers"].parse().expect("a number"))
        .wait_timeout(Duration::from_secs(20))
        // Workers are killed again and again here, and not for a fault of theirs.
        .restart(
            RestartPolicy::new()
                .backoff(Duration::from_millis(1), Duration::from_millis(20))
                .budget(100_000, Duration::from_secs(3600)),
        )
        .on_ready(|ready| {
            for addr in ready.local_addrs() {
                say(&format!("address {addr}"));
            }
        })
        .on_event(|event| match event {
            ServerEvent::WorkerReady { pid, .. } => say(&format!("ready {pid}")),
            ServerEvent::WorkerEnded { pid, .. } => say(&format!("ended {pid}")),
            ServerEvent::WorkerFailed { failure, .. } => say(&format!("ended {}", failure.pid())),
            ServerEvent::ReloadDone => say("reloaded"),
            ServerEvent::ReloadFailed { failure, .. } => say(&format!("reload failed: {failure}")),
            ServerEvent::Scaled { workers, .. } => say(&format!("scaled {workers}")),
            ServerEvent::UpgradeDone { pid, .. } => say(&format!("upgraded {pid}")),
            ServerEvent::UpgradeFailed { reason, .. } => say(&format!("upgrade failed: {reason}")),
            _ => {}
        })
        .run();
    // Who started it may not be its parent any more.
    match &ended {
        Ok(()) => say(&format!("over {}", std::process::id())),
        Err(err) => say(&format!("failed: {err}")),
    }
    ended
}

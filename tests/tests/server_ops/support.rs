//! Starts `src/bin/ops_app`.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::server_support::{App, PATIENCE, ask, connect};

/// The server, with arguments that are separated by spaces.
pub(crate) fn command(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops_app"));
    // As in `server_support`.
    let more = std::env::var("SERVER_TEST_ARGS").unwrap_or_default();
    command.args(args.split_whitespace().chain(more.split_whitespace()));
    command
}

pub(crate) fn ready(args: &str) -> App {
    let mut app = App::spawn(command(args));
    app.line("ready ");
    app
}

/// Whether a queue per worker is refused here, as it must be where the kernel can neither be told which queues have a
/// worker, as with `SERVER_TEST_ARGS=portable`, nor moves what waits in the others. If it is, the reason is checked.
pub(crate) fn queues_are_refused() -> bool {
    let more = std::env::var("SERVER_TEST_ARGS").unwrap_or_default();
    let migrates = fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req");
    if !more.contains("portable") || migrates.is_ok_and(|value| value.trim() == "1") {
        return false;
    }
    let ended = App::spawn(command("listen=tcp:127.0.0.1:0|reuse_port")).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let reason = "reuse_port(..) would lose connections here: set net.ipv4.tcp_migrate_req to 1";
    assert!(ended.stderr.contains(reason), "{ended}");
    println!("left out, as it is refused: {reason}");
    true
}

/// Has clients stop, also when the test fails.
pub(crate) struct Done<'a>(pub(crate) &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory of this test's own, removed with what is in it.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "aiotools-ops-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a worker answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) worker: usize,
    pub(crate) pid: i32,
    pub(crate) via: String,
}

pub(crate) fn answer(stream: &mut (impl io::Read + io::Write)) -> io::Result<Answer> {
    let line = ask(stream, "hello")?;
    let mut words = line.split(' ').skip(3);
    let mut next = || words.next().expect("a word").to_owned();
    let worker = next().parse().expect("an index");
    let pid = next().parse().expect("a pid");
    next();
    let via = next();
    Ok(Answer { worker, pid, via })
}

pub(crate) fn answer_tcp(addr: &str) -> io::Result<Answer> {
    answer(&mut connect(addr.parse().expect("an address"))?)
}

pub(crate) fn answer_unix(path: &Path) -> io::Result<Answer> {
    answer(&mut connect_unix(path)?)
}

pub(crate) fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

//! Starts `src/bin/ops_app`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
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
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    answer(&mut stream)
}

//! The control socket, and what else there is to see from outside.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream, process::CommandExt as _},
    path::Path,
};

use nix::{sys::signal::Signal, unistd::geteuid};

use crate::{
    server_support::{App, PATIENCE, send, wait_until},
    support::{Dir, command, ready},
};

pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn new(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn ask(&mut self, request: &str) -> String {
        writeln!(self.0.get_mut(), "{request}").unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        answer
    }
}

#[test]
fn control_socket_shows_and_obeys() {
    let dir = Dir::new();
    let path = dir.path("ctl");
    let mut app = ready(&format!("workers=2 control={}", path.display()));
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let mut client = Client::new(&path);
    let status = client.ask("status");
    let start = format!(
        "{{\"ok\":true,\"pid\":{},\"phase\":\"running\",\"wanted\":2,\"reloading\":false,",
        app.pid()
    );
    assert!(status.starts_with(&start), "{status}");
    for pid in app.workers() {
        let worker = format!("\"pid\":{pid},\"state\":\"serving\",");
        assert!(status.contains(&worker), "{status}");
    }
    assert!(
        status.contains("\"answered\":true") && !status.contains("\"tree\""),
        "{status}"
    );
    let tree = client.ask("tree");
    assert!(tree.contains("\"tree\":\""), "{tree}");
    assert_eq!(client.ask("scale 3"), "{\"ok\":true}\n");
    app.line("event WorkerReady { index: 2");
    assert!(client.ask("status").contains("\"wanted\":3"));
    assert_eq!(client.ask("reload"), "{\"ok\":true}\n");
    app.line("event ReloadDone");
    let refusal = client.ask("explode");
    assert!(refusal.contains("unknown request"), "{refusal}");
    // No descriptor of it is in the hands of a worker.
    assert_eq!(client.ask("stop"), "{\"ok\":true}\n");
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert!(!path.exists());
}

/// Whether all threads of the process have been stopped.
pub(crate) fn is_halted(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

#[test]
fn control_socket_says_which_worker_does_not_answer() {
    let dir = Dir::new();
    let path = dir.path("ctl");
    let mut app = ready(&format!("workers=2 control={}", path.display()));
    let halted = app.workers()[1];
    send(halted, Signal::SIGSTOP);
    wait_until("the worker halts", || is_halted(halted));
    let status = Client::new(&path).ask("status");
    let silent = format!("\"pid\":{halted},\"state\":\"serving\"");
    let (_, rest) = status.split_once(&silent).expect("the worker is listed");
    assert!(
        rest.contains("\"answered\":false,\"connections\":null"),
        "{status}"
    );
    assert!(status.contains("\"answered\":true"), "{status}");
    app.signal(Signal::SIGUSR1);
    app.lines_until(2, "event Inspected");
    send(halted, Signal::SIGCONT);
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    // The log is for those who asked by a signal.
    assert_eq!(ended.errors_with("restarts, does not answer"), 1, "{ended}");
}

#[test]
fn control_socket_is_closed_to_other_users() {
    if !geteuid().is_root() {
        println!("left out, as it takes root");
        return;
    }
    let dir = Dir::new();
    let path = dir.path("ctl");
    let _app = ready(&format!("workers=1 control={}", path.display()));
    // Someone has opened the file to all; the server still looks at who it is.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    // Where another user can read it.
    let program = dir.path("client");
    fs::copy(env!("CARGO_BIN_EXE_ops_app"), &program).unwrap();
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).unwrap();
    let client = std::process::Command::new(program)
        .arg(format!("ask={}", path.display()))
        .uid(65_534)
        .gid(65_534)
        .output()
        .unwrap();
    assert!(client.status.success(), "{client:?}");
    let answer = String::from_utf8_lossy(&client.stdout).into_owned();
    assert!(
        answer.contains("this is for root and the user of the server"),
        "{answer}"
    );
}

#[test]
fn control_signal_shows_the_workers() {
    for (log, stream) in [("log", "the log"), ("nolog", "standard error")] {
        let mut app = ready(&format!("workers=2 {log}"));
        app.signal(Signal::SIGUSR1);
        app.line("event Inspected");
        app.signal(Signal::SIGTERM);
        let ended = app.end();
        assert_eq!(
            ended.errors_with("2 workers wanted, 2 processes"),
            1,
            "{stream}: {ended}"
        );
        assert_eq!(
            ended.errors_with("serving, 0s old, 0 restarts"),
            2,
            "{stream}: {ended}"
        );
    }
}

/// A signal to all processes of the server, which is meant for its parent, ends no worker.
#[test]
fn control_signals_do_not_harm_workers() {
    let mut app = App::spawn(command("workers=2"));
    app.line("ready ");
    for worker in app.workers() {
        for signal in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP] {
            send(worker, signal);
        }
    }
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("stop ").len(), 2, "{ended}");
}

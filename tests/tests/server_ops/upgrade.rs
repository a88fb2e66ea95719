//! Another server in the place of this one, with the same sockets.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{
    control::Client,
    notify::Manager,
    server_support::{App, connect, is_running, open_in, send, wait_until},
    support::{
        Dir, Done, answer, answer_tcp, answer_unix, connect_unix, queues_are_refused, ready,
    },
};

/// The parent process of the new server; killed when dropped.
pub(crate) struct New(pub(crate) i32);

impl New {
    pub(crate) fn of(app: &mut App) -> Self {
        let rest = app.line("event UpgradeDone { pid: ");
        let pid = rest.trim_end_matches(" }").parse().expect("a pid");
        Self(pid)
    }
}

impl Drop for New {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0), Signal::SIGKILL);
        wait_until("the new server is gone", || !is_running(self.0));
    }
}

/// Stops the new server, and returns what both of them said.
fn finish(app: App, new: &New) -> crate::server_support::Ended {
    send(new.0, Signal::SIGTERM);
    wait_until("the new server ends", || !is_running(new.0));
    app.end()
}

#[test]
fn upgrade_keeps_the_sockets() {
    let dir = Dir::new();
    let (unix, control) = (dir.path("s"), dir.path("ctl"));
    let mut app = ready(&format!(
        "outlive workers=2 listen=tcp:127.0.0.1:0,tcp:127.0.0.1:0|name=second,unix:{0} serve=127.0.0.1:0 serve_unix={0} control={1}",
        unix.display(),
        control.display()
    ));
    let addrs = app.lines("address ");
    let old = app.pid();
    let before = answer_tcp(&addrs[0]).unwrap().pid;
    app.signal(Signal::SIGUSR2);
    let new = New::of(&mut app);
    assert_ne!(new.0, old);
    wait_until("the old server ends", || !is_running(old));
    // The same two, by the same addresses.
    for addr in &addrs {
        let answer = answer_tcp(addr).unwrap();
        assert_eq!(answer.via, format!("127.0.0.1:0@{addr}"));
        assert_ne!(answer.pid, before);
    }
    assert!(answer_unix(&unix).is_ok());
    let status = Client::new(&control).ask("status");
    assert!(status.contains(&format!("\"pid\":{},", new.0)), "{status}");
    let ended = finish(app, &new);
    assert!(ended.status.success(), "{ended}");
    // The new one has taken over the files as well.
    assert!(!unix.exists() && !control.exists());
}

/// What the new server has open is what the old one had.
#[test]
fn upgrade_leaks_no_descriptor() {
    if queues_are_refused() {
        return;
    }
    let dir = Dir::new();
    let mut app = ready(&format!(
        "outlive workers=2 listen=tcp:127.0.0.1:0,tcp:127.0.0.1:0|reuse_port serve=127.0.0.1:0 control={}",
        dir.path("ctl").display()
    ));
    let kinds = |pid: i32| -> Vec<String> {
        let kind = |target: String| target.split(':').next().unwrap_or_default().to_owned();
        let mut kinds: Vec<_> = open_in(pid).into_iter().map(kind).collect();
        kinds.sort();
        kinds
    };
    let before = kinds(app.pid());
    app.signal(Signal::SIGUSR2);
    let new = New::of(&mut app);
    let old = app.pid();
    wait_until("the old server ends", || !is_running(old));
    wait_until("the new one is settled", || kinds(new.0) == before);
    finish(app, &new);
}

/// What is run is `ops_app` with these arguments on top of those of the old server.
fn program_with(dir: &Dir, args: &str) -> PathBuf {
    let program = dir.path("program");
    let quoted: String = args
        .split_whitespace()
        .map(|arg| format!(" '{arg}'"))
        .collect();
    let script = format!(
        "#!/bin/sh\nexec '{}' \"$@\"{quoted}\n",
        env!("CARGO_BIN_EXE_ops_app")
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// How many connections, one after the other, are answered, until there is nobody to connect to.
fn answers_until_shut<S: io::Read + io::Write>(
    done: &AtomicBool,
    connect: impl Fn() -> io::Result<S>,
) -> usize {
    for answered in 0.. {
        match connect() {
            _ if done.load(Ordering::Relaxed) => return answered,
            Ok(mut stream) => drop(answer(&mut stream).expect("an answer")),
            Err(err) => {
                let shut = [io::ErrorKind::ConnectionRefused, io::ErrorKind::NotFound];
                assert!(shut.contains(&err.kind()), "{err:?}");
                return answered;
            }
        }
    }
    unreachable!("it counts for ever")
}

/// What the new program does not listen on any more ends as at a stop: what waits there is served.
#[test]
fn upgrade_serves_what_waits_where_the_new_server_does_not_listen() {
    for how in ["", "|reuse_port"] {
        if !how.is_empty() && queues_are_refused() {
            continue;
        }
        let dir = Dir::new();
        let (unix, control) = (dir.path("s"), dir.path("ctl"));
        let program = program_with(
            &dir,
            "listen=tcp:127.0.0.1:0|name=kept serve=kept serve_unix= control= slow_ms=0",
        );
        let mut app = ready(&format!(
            "outlive workers=2 listen=tcp:127.0.0.1:0|name=kept,tcp:127.0.0.1:0|name=left{how},unix:{0}|name=u \
             serve=kept,left serve_unix=u control={1} upgrade_to={2} slow_ms=50",
            unix.display(),
            control.display(),
            program.display()
        ));
        let [kept, left] = &app.lines("address ")[..] else {
            panic!("two addresses")
        };
        let done = AtomicBool::new(false);
        let new = thread::scope(|scope| {
            let stop = Done(&done);
            // Whoever is let in is answered; in the end nobody is.
            let by_tcp = || answers_until_shut(&done, || connect(left.parse().unwrap()));
            let by_unix = || answers_until_shut(&done, || connect_unix(&unix));
            let clients: Vec<_> = (0..8)
                .map(|_| scope.spawn(by_tcp))
                .chain((0..8).map(|_| scope.spawn(by_unix)))
                .collect();
            assert!(answer_tcp(left).is_ok() && answer_unix(&unix).is_ok());
            app.signal(Signal::SIGUSR2);
            let new = New::of(&mut app);
            let old = app.pid();
            wait_until("the old server ends", || !is_running(old));
            for client in clients {
                assert!(client.join().unwrap() > 0);
            }
            drop(stop);
            new
        });
        assert!(answer_tcp(kept).is_ok());
        assert!(connect(left.parse().unwrap()).is_err());
        // Nor is anything left of the files.
        assert!(!unix.exists() && !control.exists());
        finish(app, &new);
    }
}

/// What the new program listens on that the old one did not is its own from the start.
#[test]
fn upgrade_keeps_what_only_the_new_server_has() {
    let dir = Dir::new();
    let (unix, control) = (dir.path("s"), dir.path("ctl"));
    let args = format!(
        "listen=unix:{0} serve_unix={0} control={1}",
        unix.display(),
        control.display()
    );
    let program = program_with(&dir, &args);
    let mut app = ready(&format!(
        "outlive workers=1 upgrade_to={}",
        program.display()
    ));
    app.signal(Signal::SIGUSR2);
    let new = New::of(&mut app);
    let old = app.pid();
    wait_until("the old server ends", || !is_running(old));
    assert!(answer_unix(&unix).is_ok());
    let status = Client::new(&control).ask("status");
    assert!(status.contains(&format!("\"pid\":{},", new.0)), "{status}");
    finish(app, &new);
    assert!(!unix.exists() && !control.exists());
}

/// The same for a hundred reloads.
#[test]
fn upgrade_and_reload_leave_descriptors_as_they_are() {
    let mut app = ready("workers=1 listen=tcp:127.0.0.1:0 serve=127.0.0.1:0");
    let count = |app: &App| open_in(app.pid()).len();
    let before = count(&app);
    for round in 1..=100 {
        app.signal(Signal::SIGHUP);
        app.lines_until(round, "event ReloadDone");
    }
    wait_until("the last worker is gone", || count(&app) == before);
    let addr = app.line("address ");
    let worker = answer_tcp(&addr).unwrap().pid;
    assert!(open_in(worker).len() < 20, "{:?}", open_in(worker));
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

#[test]
fn upgrade_loses_no_connection() {
    for listen in ["tcp:127.0.0.1:0", "tcp:127.0.0.1:0|reuse_port"] {
        if listen.ends_with("reuse_port") && queues_are_refused() {
            continue;
        }
        let mut app = ready(&format!(
            "outlive workers=2 listen={listen} serve=127.0.0.1:0"
        ));
        let addr = app.line("address ");
        let done = AtomicBool::new(false);
        let (new, pids) = thread::scope(|scope| {
            let client = || {
                let mut pids = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    pids.insert(answer_tcp(&addr).expect("an answer").pid);
                }
                pids
            };
            let clients: Vec<_> = (0..3).map(|_| scope.spawn(client)).collect();
            let stop = Done(&done);
            app.signal(Signal::SIGUSR2);
            let new = New::of(&mut app);
            let old = app.pid();
            wait_until("the old server ends", || !is_running(old));
            thread::sleep(std::time::Duration::from_millis(100));
            drop(stop);
            let pids: Vec<_> = clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect();
            (new, pids)
        });
        assert!(pids.iter().any(|pids| pids.len() > 1), "{pids:?}");
        let ended = finish(app, &new);
        assert!(ended.status.success(), "{ended}");
    }
}

#[test]
fn upgrade_that_fails_changes_nothing() {
    let dir = Dir::new();
    let (fail, hang, unix, control) = (
        dir.path("fail"),
        dir.path("hang"),
        dir.path("s"),
        dir.path("ctl"),
    );
    let mut app = ready(&format!(
        "outlive workers=2 listen=tcp:127.0.0.1:0,unix:{} serve=127.0.0.1:0 fail_if={} hang_if={} upgrade_ms=300 control={}",
        unix.display(),
        fail.display(),
        hang.display(),
        control.display()
    ));
    let addr = app.line("address ");
    fs::write(&fail, "").unwrap();
    app.signal(Signal::SIGUSR2);
    let reason = app.line("event UpgradeFailed");
    assert!(reason.contains("it exited with code 1"), "{reason}");
    assert!(answer_tcp(&addr).is_ok());
    fs::remove_file(&fail).unwrap();

    fs::write(&hang, "").unwrap();
    let answer = Client::new(&control).ask("upgrade");
    assert!(
        answer.contains("\"ok\":false") && answer.contains("it was not ready in time"),
        "{answer}"
    );
    assert!(unix.exists() && control.exists());
    for _ in 0..20 {
        assert!(answer_tcp(&addr).is_ok());
    }
    fs::remove_file(&hang).unwrap();

    // And after all that, it can still be done.
    let answer = Client::new(&control).ask("upgrade");
    let new = New::of(&mut app);
    assert_eq!(answer, format!("{{\"ok\":true,\"pid\":{}}}\n", new.0));
    assert!(finish(app, &new).status.success());
}

#[test]
fn upgrade_refuses_a_program_that_others_could_have_written() {
    let dir = Dir::new();
    let program = dir.path("program");
    fs::copy(env!("CARGO_BIN_EXE_ops_app"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let mut app = ready(&format!(
        "outlive workers=1 upgrade_to={}",
        program.display()
    ));
    app.signal(Signal::SIGUSR2);
    let reason = app.line("event UpgradeFailed");
    assert!(reason.contains("can be written by everyone"), "{reason}");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    app.signal(Signal::SIGUSR2);
    let new = New::of(&mut app);
    let exe = fs::read_link(format!("/proc/{}/exe", new.0)).unwrap();
    assert_eq!(exe, program);
    finish(app, &new);
}

/// A program that cannot be run at all.
#[test]
fn upgrade_says_why_a_program_cannot_be_run() {
    let dir = Dir::new();
    let program = dir.path("program");
    fs::write(&program, "no program").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut app = ready(&format!(
        "outlive workers=1 upgrade_to={}",
        program.display()
    ));
    app.signal(Signal::SIGUSR2);
    let reason = app.line("event UpgradeFailed");
    assert!(
        reason.contains("cannot run") && reason.contains("Exec format error"),
        "{reason}"
    );
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

/// The queues of more workers would not be the new server's.
#[test]
fn upgrade_leaves_the_number_of_workers_alone() {
    let dir = Dir::new();
    let (hang, control) = (dir.path("hang"), dir.path("ctl"));
    let mut app = ready(&format!(
        "outlive workers=2 hang_if={} control={}",
        hang.display(),
        control.display()
    ));
    fs::write(&hang, "").unwrap();
    app.signal(Signal::SIGUSR2);
    app.line("event UpgradeStarted");
    let mut client = Client::new(&control);
    let answer = client.ask("scale 3");
    assert!(answer.contains("an upgrade is under way"), "{answer}");
    app.signal(Signal::SIGTTIN);
    let status = client.ask("status");
    assert!(status.contains("\"wanted\":2,"), "{status}");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("event Scaled").len(), 0, "{ended}");
}

#[test]
fn upgrade_is_given_up_when_the_server_stops() {
    let dir = Dir::new();
    let hang = dir.path("hang");
    let mut app = ready(&format!("outlive workers=1 hang_if={}", hang.display()));
    fs::write(&hang, "").unwrap();
    app.signal(Signal::SIGUSR2);
    let rest = app.line("event UpgradeStarted { pid: ");
    let pid: i32 = rest.trim_end_matches(" }").parse().unwrap();
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert!(!is_running(pid));
}

/// A server that is killed while the new one starts leaves its sockets to it.
#[test]
fn upgrade_survives_the_end_of_the_old_server() {
    let dir = Dir::new();
    let hang = dir.path("hang");
    let mut app = ready(&format!(
        "outlive workers=1 listen=tcp:127.0.0.1:0 serve=127.0.0.1:0 hang_if={}",
        hang.display()
    ));
    let addr = app.line("address ");
    fs::write(&hang, "").unwrap();
    app.signal(Signal::SIGUSR2);
    let rest = app.line("event UpgradeStarted { pid: ");
    let new = New(rest.trim_end_matches(" }").parse().unwrap());
    app.lines_until(2, "start 0");
    fs::remove_file(&hang).unwrap();
    app.signal(Signal::SIGKILL);
    // The worker that hangs is replaced at the next reload; it is the master that matters here.
    send(new.0, Signal::SIGTERM);
    wait_until("the new server ends", || !is_running(new.0));
    drop(new);
    assert!(answer_tcp(&addr).is_err());
}

#[test]
fn upgrade_is_told_to_the_service_manager() {
    let manager = Manager::at_a_path();
    let mut app = manager.start("outlive workers=1", &[]);
    app.line("ready ");
    manager.line("READY=1");
    app.signal(Signal::SIGUSR2);
    let reloading = manager.line("RELOADING=1");
    let new = New::of(&mut app);
    assert!(
        reloading.contains(&format!("process {} is starting", new.0)),
        "{reloading}"
    );
    let message = manager.line("MAINPID=");
    assert_eq!(
        message,
        format!("MAINPID={}\nREADY=1\nSTATUS=1 worker serves", new.0)
    );
    // From now on it is the new one that is heard, and it alone.
    let old = app.pid();
    wait_until("the old server ends", || !is_running(old));
    send(new.0, Signal::SIGTERM);
    let message = manager.line("STOPPING=1");
    assert!(message.contains("stopping"), "{message}");
    finish_quietly(app, &new);
}

pub(crate) fn finish_quietly(app: App, new: &New) {
    wait_until("the new server ends", || !is_running(new.0));
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
}

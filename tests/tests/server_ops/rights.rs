//! The workers give up the rights of the parent.

use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};

use crate::{
    server_support::{App, is_running, wait_until},
    support::{answer_tcp, command, ready},
};

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        println!("left out, as it takes root");
    }
    root
}

/// `Uid=1,1,1,1 Gid=.. Groups=..` of each worker.
fn rights(app: &mut App) -> Vec<String> {
    app.line("rights 0");
    app.lines("rights ")
}

#[test]
fn rights_are_dropped_by_the_workers_only() {
    if !is_root() {
        return;
    }
    let nobody = User::from_name("nobody")
        .unwrap()
        .expect("there is one everywhere");
    let (uid, gid) = (nobody.uid, nobody.gid);
    let mut app = ready(
        "workers=2 listen=tcp:127.0.0.1:0 serve=127.0.0.1:0 user=nobody umask no_new_privs prestart=none",
    );
    let seen = rights(&mut app);
    assert_eq!(seen.len(), 2);
    for line in &seen {
        assert!(
            line.contains(&format!(
                "Uid={uid},{uid},{uid},{uid} Gid={gid},{gid},{gid},{gid}"
            )),
            "{line}"
        );
        assert!(line.contains(&format!("Groups={gid}")), "{line}");
        assert!(
            line.contains("Umask=0027") && line.contains("NoNewPrivs=1"),
            "{line}"
        );
    }
    // The hook runs with the same rights.
    assert!(
        app.lines("prestart ")
            .iter()
            .all(|line| line.contains(&format!("Uid={uid},")))
    );
    assert!(answer_tcp(&app.line("address ")).is_ok());
    let parent = std::fs::read_to_string(format!("/proc/{}/status", app.pid())).unwrap();
    assert!(parent.contains("Uid:\t0\t0\t0\t0"), "{parent}");
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

/// A change of rights makes the kernel forget that the worker is to die with its parent.
#[test]
fn rights_do_not_keep_a_worker_without_its_parent() {
    if !is_root() {
        return;
    }
    let mut app = ready("workers=2 user=nobody");
    let workers = app.workers();
    app.signal(Signal::SIGKILL);
    wait_until("the workers end", || {
        !workers.iter().any(|pid| is_running(*pid))
    });
}

#[test]
fn rights_by_number_and_other_groups() {
    if !is_root() {
        return;
    }
    let mut app = ready("workers=1 user=12345 group=54321 groups=7,8");
    let seen = rights(&mut app);
    assert!(
        seen[0].contains("Uid=12345,12345,12345,12345 Gid=54321,54321,54321,54321 Groups=7,8"),
        "{seen:?}"
    );
}

#[test]
fn rights_that_cannot_be_had_stop_the_server() {
    let ended = App::spawn(command("user=no-such-user")).end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended
            .stderr
            .contains("the workers cannot be given other rights: there is no user no-such-user"),
        "{ended}"
    );
    if !is_root() {
        let ended = App::spawn(command("user=root")).end();
        assert!(ended.stderr.contains("takes the rights of root"), "{ended}");
    }
}

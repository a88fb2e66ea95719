//! Extra processes beside the workers.

use nix::sys::signal::Signal;

use crate::{
    control::{Client, is_halted},
    server_support::{App, is_running, send, wait_until},
    support::{Dir, command, ready},
};

/// The pid of an extra process, from the last line that it said when it started.
fn pid_of(app: &mut App, index: usize) -> i32 {
    let rest = app.line(&format!("extra {index} "));
    let (_, pid) = rest.split_once(' ').expect("a pid");
    pid.parse().expect("a pid")
}

fn starts(ended: &crate::server_support::Ended) -> Vec<String> {
    let all = ended.all("extra ").into_iter();
    let starts = all.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    starts
        .map(|rest| rest.rsplit_once(' ').expect("a pid").0.to_owned())
        .collect()
}

/// SRV-08
#[test]
fn extra_processes_run_to_completion() {
    let ended = App::spawn(command("completion workers=3 extra=short prestart=none")).end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(starts(&ended), ["3 990", "4 991", "5 992"]);
    assert_eq!(ended.all("extra end "), ["3", "4", "5"]);
    assert_eq!(ended.all("stop ").len(), 3);
    // The hook is called in each of them.
    assert_eq!(ended.all("prestart ").len(), 6, "{ended}");
}

/// SRV-09
#[test]
fn extra_processes_are_told_the_custom_stop_signal() {
    let mut app = App::spawn(command("workers=3 extra=wait signals=USR1"));
    app.line("ready ");
    for index in 3..6 {
        app.line(&format!("event WorkerReady {{ index: {index}"));
    }
    app.signal(Signal::SIGUSR1);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(
        ended.all("extra stop "),
        ["3 SIGUSR1", "4 SIGUSR1", "5 SIGUSR1"]
    );
    assert_eq!(ended.all("stop "), ["0 SIGUSR1", "1 SIGUSR1", "2 SIGUSR1"]);
}

#[test]
fn extra_process_that_ends_well_is_not_missed() {
    let mut app = ready("workers=2 extra=short");
    app.lines_until(3, "extra end ");
    for index in 2..5 {
        app.line(&format!("event WorkerEnded {{ index: {index}"));
    }
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(starts(&ended).len(), 3);
}

/// Upstream did not notice.
#[test]
fn extra_process_that_fails_is_treated_as_a_worker() {
    for (how, text) in [
        ("error", "worker 2 failed while serving: extra boom"),
        ("panic", "worker 2 panicked while serving: extra boom"),
    ] {
        // By default it is started again.
        let mut app = App::spawn(command(&format!("workers=2 extra={how}")));
        app.line("event WorkerFailed");
        app.lines_until(2, "extra 2 ");
        app.signal(Signal::SIGTERM);
        // It may fail once more during the stop, and is then in the result; the others stop well.
        let ended = app.end();
        assert_eq!(ended.all("extra end "), ["3", "4"], "{ended}");
        // With another policy, the server stops.
        let ended = App::spawn(command(&format!("workers=2 extra={how} never"))).end();
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains(text), "{ended}");
    }
}

#[test]
fn extra_process_that_is_killed_is_started_again() {
    let mut app = ready("workers=1 extra=wait");
    let pid = pid_of(&mut app, 2);
    send(pid, Signal::SIGKILL);
    app.lines_until(2, "extra 2 ");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("extra end "), ["1", "2", "3"]);
}

#[test]
fn extra_process_that_does_not_stop_is_killed() {
    let mut app = ready("workers=1 extra=deaf wait_ms=200");
    app.lines_until(3, "extra ");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains("worker 1 did not stop within 200ms and was killed"),
        "{ended}"
    );
}

#[test]
fn extra_processes_stop_with_the_group_and_with_the_parent() {
    let mut app = ready("workers=1 extra=wait");
    let pids: Vec<_> = (1..4).map(|index| pid_of(&mut app, index)).collect();
    // A stop signal that comes to one alone stops that one, and another takes its place.
    send(pids[0], Signal::SIGTERM);
    app.lines_until(2, "extra 1 ");
    app.signal(Signal::SIGKILL);
    wait_until("the extra processes end", || {
        !pids.iter().any(|pid| is_running(*pid))
    });
}

#[test]
fn extra_process_may_have_a_runtime_of_its_own() {
    let mut app = ready("workers=1 extra=runtime");
    app.lines_until(3, "event WorkerReady { index: ");
    app.signal(Signal::SIGINT);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(
        ended.all("extra stop "),
        ["1 SIGINT", "2 SIGINT", "3 SIGINT"]
    );
}

/// The numbers of the extra processes stay theirs when workers are added.
#[test]
fn extra_processes_keep_their_numbers_when_scaled() {
    let mut app = ready("workers=1 extra=wait");
    app.lines_until(3, "extra ");
    app.signal(Signal::SIGTTIN);
    app.line("event WorkerReady { index: 4");
    app.line("start 4");
    app.signal(Signal::SIGUSR1);
    let status = app.line("event Inspected");
    assert_eq!(status.matches("index: ").count(), 5, "{status}");
    assert_eq!(status.matches("picture: Some").count(), 5, "{status}");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("extra end "), ["1", "2", "3"]);
}

/// They are shown beside the workers, with the task tree of those that run one.
#[test]
fn extra_processes_are_seen() {
    let dir = Dir::new();
    let path = dir.path("ctl");
    let mut app = ready(&format!(
        "workers=1 extra=group nolog control={}",
        path.display()
    ));
    for index in 1..4 {
        app.line(&format!("event WorkerReady {{ index: {index}"));
    }
    let pids: Vec<_> = (1..4).map(|index| pid_of(&mut app, index)).collect();
    // The first one halts, and cannot say anything.
    send(pids[1], Signal::SIGSTOP);
    wait_until("it halts", || is_halted(pids[1]));
    let mut client = Client::new(&path);
    wait_until("the group of the first one is there", || {
        client.ask("tree").contains("collector")
    });
    let tree = client.ask("tree");
    let about = |index: usize| {
        let start = format!(
            "{{\"index\":{index},\"extra\":true,\"pid\":{},\"state\":\"serving\",\"age\":",
            pids[index - 1]
        );
        let (_, rest) = tree.split_once(&start).unwrap_or_else(|| panic!("{tree}"));
        rest.split_once('}').unwrap().0
    };
    let counts = "\"connections\":null,\"requests\":null";
    let answered = format!("\"answered\":true,{counts},\"tree\":\"");
    assert!(about(1).contains(&answered), "{tree}");
    assert!(about(1).contains("collector"), "{tree}");
    let silent = format!("\"answered\":false,{counts},\"tree\":null");
    assert!(about(2).ends_with(&silent), "{tree}");
    let nothing = format!("{answered}(nothing is running)\\n\"");
    assert!(about(3).ends_with(&nothing), "{tree}");
    send(pids[1], Signal::SIGCONT);

    app.signal(Signal::SIGUSR1);
    wait_until("it is told", || {
        app.lines("event Inspected")
            .iter()
            .any(|status| status.matches("picture: Some").count() == 4)
    });
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    for (index, pid) in (1..4).zip(pids) {
        let line = format!("extra process {index}: pid {pid}, serving, ");
        assert_eq!(ended.errors_with(&line), 1, "{ended}");
    }
}

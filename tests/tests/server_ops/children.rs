//! What a server may do with its child processes besides serving.

use nix::sys::signal::Signal;

use crate::{
    server_support::App,
    support::{command, ready},
};

#[test]
fn children_run_the_prestart_hook_before_anything_else() {
    let app = ready("workers=3 prestart=none");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("prestart ").len(), 3, "{ended}");
    let first = |start: &str| ended.lines.iter().position(|line| line.starts_with(start));
    for index in 0..3 {
        assert!(
            first(&format!("prestart {index}")) < first(&format!("start {index}")),
            "{ended}"
        );
    }
}

#[test]
fn children_whose_prestart_hook_fails_stop_the_server() {
    let ended = App::spawn(command("workers=2 prestart=1")).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let text = "worker 1 failed during initialization: cannot prepare the worker: no start today";
    assert!(ended.stderr.contains(text), "{ended}");
}

/// The failures of children are no business of the server's.
#[test]
fn children_that_fail_may_be_ignored() {
    let mut app = ready("workers=3 fail=1 fail_stop=2 ignore");
    let pids = app.line("ready ");
    assert_eq!(pids.split(", ").count(), 2, "{pids}");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("stop ").len(), 2, "{ended}");
    let failed = ended.all("event WorkerFailed");
    assert_eq!(failed.len(), 2, "{ended}");
    assert!(
        failed.iter().all(|event| event.contains("survived: true")),
        "{ended}"
    );
}

/// Without that, each of the two stops it.
#[test]
fn children_that_fail_are_not_ignored_by_themselves() {
    for fail in ["fail=1", "fail_stop=1"] {
        let app = App::spawn(command(&format!("workers=3 {fail}")));
        if fail == "fail_stop=1" {
            let mut app = app;
            app.line("ready ");
            app.signal(Signal::SIGTERM);
            assert_eq!(app.end().status.code(), Some(1));
        } else {
            assert_eq!(app.end().status.code(), Some(1));
        }
    }
}

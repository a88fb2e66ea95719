//! What becomes of the workers of a server while it runs: respawn, reload, scaling.

use std::{
    io::Write as _,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::server_support::{
    App, Ended, ask, connect, cpu_ticks, is_running, send, state_of, wait_until,
};

/// The pid in what follows `event ready`.
fn pid_of(event: &str) -> i32 {
    event.rsplit(' ').next().unwrap().parse().unwrap()
}

// -- respawn

#[test]
fn supervision_killed_worker_is_respawned() {
    let mut app = App::ready("workers=3");
    let workers = app.workers();
    let killed = Instant::now();
    send(workers[1], Signal::SIGKILL);
    assert_eq!(
        app.next("event survived "),
        "1: worker 1 was killed by SIGKILL while serving"
    );
    let new = pid_of(&app.next("event ready 1 "));
    assert!(
        killed.elapsed() < Duration::from_secs(1),
        "{:?}",
        killed.elapsed()
    );
    assert!(new != workers[1] && is_running(new));
    assert!(is_running(workers[0]) && is_running(workers[2]));
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGTERM", "1 SIGTERM", "2 SIGTERM"]);
    assert_eq!(
        ended.phases(),
        ["Bound", "Starting", "Running", "Stopping", "Ended"]
    );
}

/// Part B: with all workers gone, the original's parent spins on the closed pipes.
#[test]
fn supervision_all_workers_killed_are_respawned_and_cost_little() {
    let mut app = App::ready("workers=4 log");
    let before = cpu_ticks(app.pid());
    for worker in app.workers() {
        send(worker, Signal::SIGKILL);
    }
    for _ in 0..4 {
        app.next("event respawn ");
    }
    for _ in 0..4 {
        app.next("event ready ");
    }
    thread::sleep(Duration::from_millis(500));
    let used = cpu_ticks(app.pid()) - before;
    assert!(used < 10, "{used} ticks");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    // What was survived is reported, in the log.
    assert_eq!(
        ended.errors_with("was killed by SIGKILL while serving"),
        4,
        "{ended}"
    );
}

#[test]
fn supervision_respawn_waits_longer_each_time_and_then_gives_up() {
    let mut app = App::ready("workers=2 restart=40,100,3,60000 later_setup=0:error");
    send(app.workers()[0], Signal::SIGKILL);
    let waits: Vec<u64> = (0..3)
        .map(|_| app.next("event respawn 0 ").parse().unwrap())
        .collect();
    assert!((40..=50).contains(&waits[0]), "{waits:?}");
    assert!((80..=100).contains(&waits[1]), "{waits:?}");
    assert!((100..=125).contains(&waits[2]), "{waits:?}");
    let ended = app.end().tidy(1);
    // The death while serving, and the failures of two starts, were survived.
    assert_eq!(ended.all("event survived ").len(), 3, "{ended}");
    assert_eq!(
        ended.all("event failed "),
        ["0: worker 0 failed during initialization: boom 0"]
    );
    assert_eq!(
        ended.errors_with(
            "Error: worker 0 failed 4 times within 60s, and its restart budget is used up: worker 0 failed during initialization: boom 0\n"
        ),
        1,
        "{ended}"
    );
    assert_eq!(
        ended.all("failure "),
        ["0 initialization: worker 0 failed during initialization: boom 0"]
    );
    assert_eq!(ended.all("stop "), ["1 SIGTERM"]);
}

#[test]
fn supervision_respawn_that_is_not_ready_in_time_is_a_failure() {
    let mut app = App::ready("workers=1 restart=1,1,1,60000 ready_ms=100 later_setup=0:hang");
    send(app.workers()[0], Signal::SIGKILL);
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.errors_with("worker 0 was not ready within 100ms\n"),
        1,
        "{ended}"
    );
    // What it had set up was cleaned up.
    assert_eq!(ended.all("cleaned "), ["0 Cancelled"]);
}

#[test]
fn supervision_worker_that_is_not_ready_in_time_stops_the_start() {
    for how in ["hang", "block"] {
        let ended = App::start(&format!("workers=2 ready_ms=100 wait_ms=200 setup=1:{how}"))
            .end()
            .tidy(1);
        assert_eq!(
            ended.all("failure "),
            ["1 initialization: worker 1 was not ready within 100ms"]
        );
    }
}

#[test]
fn supervision_signal_to_a_worker_has_another_take_its_place() {
    let mut app = App::ready("workers=2");
    let workers = app.workers();
    send(workers[1], Signal::SIGTERM);
    assert_eq!(
        app.next("event survived "),
        "1: worker 1 was stopped while serving by a SIGTERM that was sent to it alone"
    );
    app.next("event ready 1 ");
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGINT", "1 SIGINT", "1 SIGTERM"]);
    assert_eq!(ended.all("end "), ["0", "1", "1"]);
}

#[test]
fn supervision_worker_that_was_stopped_alone_has_a_limit() {
    let mut app = App::ready("workers=2 shutdown=1:hang wait_ms=200");
    let worker = app.workers()[1];
    send(worker, Signal::SIGTERM);
    app.next("event ready 1 ");
    assert_eq!(
        app.next("event survived "),
        "1: worker 1 did not stop within 200ms and was killed during shutdown"
    );
    assert!(!is_running(worker));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn supervision_stop_while_a_respawn_is_due_starts_nothing() {
    let mut app = App::ready("workers=2 restart=60000,60000,3,600000");
    send(app.workers()[0], Signal::SIGKILL);
    app.next("event respawn 0 ");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("event started ").len(), 2, "{ended}");
    assert_eq!(ended.all("stop "), ["1 SIGTERM"]);
}

// -- reload

#[test]
fn supervision_reload_replaces_each_worker() {
    let mut app = App::ready("workers=3");
    let old = app.workers();
    app.signal(Signal::SIGHUP);
    app.next("event reload started");
    for (index, old) in old.iter().enumerate() {
        // The new one is ready before the old one is told, and that has ended before the next one's turn.
        let new = pid_of(&app.next(&format!("event ready {index} ")));
        assert!(is_running(new));
        app.next(&format!("event ended {index} {old}"));
    }
    app.next("event reload done");
    assert!(!old.iter().any(|pid| is_running(*pid)));
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(0);
    assert_eq!(
        ended.all("stop "),
        [
            "0 SIGINT",
            "0 SIGTERM",
            "1 SIGINT",
            "1 SIGTERM",
            "2 SIGINT",
            "2 SIGTERM"
        ]
    );
}

#[test]
fn supervision_reload_that_fails_leaves_the_old_workers() {
    for (how, text) in [
        ("error", "worker 1 failed during initialization: boom 1"),
        (
            "kill",
            "worker 1 was killed by SIGKILL during initialization",
        ),
        ("hang", "worker 1 was not ready within 100ms"),
        ("block", "worker 1 was not ready within 100ms"),
    ] {
        let mut app = App::ready(&format!(
            "workers=3 later_setup=1:{how} ready_ms=100 wait_ms=300"
        ));
        let old = app.workers();
        app.signal(Signal::SIGHUP);
        assert_eq!(app.next("event reload failed: "), text);
        // The one before has been replaced, and those after it have not.
        wait_until("the new one is gone", || {
            !is_running(old[0]) && is_running(old[1]) && is_running(old[2])
        });
        app.signal(Signal::SIGTERM);
        let ended = app.end().tidy(0);
        assert_eq!(ended.all("event started ").len(), 5, "{ended}");
        assert_eq!(ended.all("event survived "), [format!("1: {text}")]);
    }
}

#[test]
fn supervision_reload_is_not_held_up_by_a_stuck_worker() {
    for how in ["hang", "block", "stray"] {
        let mut app = App::ready(&format!("workers=2 shutdown=0:{how} wait_ms=200"));
        app.signal(Signal::SIGHUP);
        assert_eq!(
            app.next("event survived "),
            "0: worker 0 did not stop within 200ms and was killed during shutdown"
        );
        app.next("event reload done");
        app.signal(Signal::SIGTERM);
        app.end().tidy(0);
    }
}

#[test]
fn supervision_reload_during_a_reload_is_one_more() {
    let mut app = App::ready("workers=2 shutdown=0:200");
    app.signal(Signal::SIGHUP);
    app.next("event reload started");
    app.next("event ready 0 ");
    for _ in 0..50 {
        app.signal(Signal::SIGHUP);
        thread::sleep(Duration::from_millis(1));
    }
    app.next("event reload done");
    app.next("event reload started");
    app.next("event reload done");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("event reload started").len(), 2, "{ended}");
    assert_eq!(ended.all("event started ").len(), 6, "{ended}");
}

#[test]
fn supervision_reload_goes_on_when_the_old_worker_dies() {
    let mut app = App::ready("workers=2 later_setup=0:300");
    let old = app.workers();
    app.signal(Signal::SIGHUP);
    app.next("event started 0 ");
    app.next("event started 0 ");
    send(old[0], Signal::SIGKILL);
    app.next("event survived 0");
    app.next("event ready 0 ");
    app.next("event ready 1 ");
    app.next("event reload done");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("event started ").len(), 4, "{ended}");
}

#[test]
fn supervision_reload_whose_new_worker_is_told_to_stop_has_failed() {
    let mut app = App::ready("workers=2 later_setup=0:600000");
    let old = app.workers();
    app.signal(Signal::SIGHUP);
    app.next("event reload started");
    let new = pid_of(&app.next("event started 0 "));
    send(new, Signal::SIGTERM);
    assert_eq!(
        app.next("event reload failed: "),
        "worker 0 was stopped during initialization by a SIGTERM that was sent to it alone"
    );
    assert!(old.iter().all(|pid| is_running(*pid)));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn supervision_stop_during_a_reload_stops_all() {
    for stage in ["event started 0", "event ready 0", "event started 1"] {
        let mut app = App::ready("workers=2 later_setup=all:30 shutdown=all:30");
        app.signal(Signal::SIGHUP);
        app.next("event reload started");
        app.next(stage);
        app.signal(Signal::SIGTERM);
        let ended = app.end().tidy(0);
        assert_eq!(
            ended.all("event started ").len(),
            ended.all("event ended ").len(),
            "{stage}: {ended}"
        );
    }
}

#[test]
fn supervision_hangup_of_the_terminal_ends_no_worker() {
    let mut app = App::ready("workers=2 group");
    send(-app.pid(), Signal::SIGHUP);
    app.next("event reload done");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert!(ended.all("event survived ").is_empty(), "{ended}");
}

#[test]
fn supervision_stop_signal_takes_over_from_reload() {
    let app = App::ready("workers=2 signals=HUP");
    app.signal(Signal::SIGHUP);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGHUP", "1 SIGHUP"]);
}

// -- scaling

#[test]
fn supervision_scale_up_and_down_by_signal() {
    let mut app = App::ready("workers=1");
    app.signal(Signal::SIGTTIN);
    app.next("event scaled 2");
    app.next("event ready 1 ");
    app.signal(Signal::SIGTTIN);
    app.next("event scaled 3");
    app.next("event ready 2 ");
    for (workers, gone) in [(2, 2), (1, 1)] {
        app.signal(Signal::SIGTTOU);
        app.next(&format!("event scaled {workers}"));
        app.next(&format!("event ended {gone} "));
    }
    // There is always one.
    app.signal(Signal::SIGTTOU);
    app.signal(Signal::SIGHUP);
    app.next("event reload done");
    app.signal(Signal::SIGTTIN);
    app.next("event scaled 2");
    app.next("event ready 1 ");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("event scaled "), ["1", "2", "2", "2", "3"]);
}

#[test]
fn supervision_scaled_worker_that_fails_is_taken_back() {
    let mut app = App::ready("workers=1 setup=1:error");
    app.signal(Signal::SIGTTIN);
    app.next("event scaled 2");
    app.next("event survived 1");
    app.next("event scaled 1");
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

// -- what others got wrong before

/// Many failures at once, as the original lost some of them, or hung.
#[test]
fn supervision_workers_that_all_fail_are_each_reported_once() {
    for workers in [2, 8, 32] {
        for how in ["error", "panic", "exit", "kill"] {
            let ended = App::start(&format!("workers={workers} completion setup=all:{how}"))
                .end()
                .tidy(1);
            let failures = ended.all("failure ");
            let index = |failure: &&str| failure.split(' ').next().unwrap().parse().unwrap();
            let mut indexes: Vec<usize> = failures.iter().map(index).collect();
            indexes.sort_unstable();
            assert_eq!(indexes, (0..workers).collect::<Vec<_>>(), "{ended}");
        }
        let ended = App::start(&format!("workers={workers} setup=all:error"))
            .end()
            .tidy(1);
        let mut failures = ended.all("failure ");
        assert!(!failures.is_empty() && failures.len() <= workers, "{ended}");
        failures.dedup();
        assert_eq!(failures.len(), ended.all("failure ").len(), "{ended}");
    }
}

/// A program that a worker starts finds signals as any program does.
#[test]
fn supervision_program_of_a_worker_has_its_signals() {
    let ended = App::start("workers=1 completion setup=0:command")
        .end()
        .tidy(0);
    // As one that this process starts, which has nothing to do with a server.
    let own = Command::new("grep")
        .args(["-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"])
        .output()
        .unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    let mut own: Vec<_> = own.lines().collect();
    own.sort_unstable();
    assert_eq!(ended.all("command "), own);
}

// -- hung workers

#[test]
fn supervision_hung_worker_tells_its_tasks_and_is_replaced() {
    for runtime in ["", "threads"] {
        let mut app = App::ready(&format!(
            "workers=1 worker=obedient bind=127.0.0.1:0 heartbeat=50,300 {runtime}"
        ));
        let pid = app.workers()[0];
        let mut streams: Vec<_> = (0..4).map(|_| connect(app.address()).unwrap()).collect();
        let blocked = Instant::now();
        for stream in &mut streams {
            stream.write_all(b"block\n").unwrap();
        }
        // All threads that run tasks are blocked.
        app.next("event hung 0 a tree");
        assert!(blocked.elapsed() >= Duration::from_millis(300));
        assert_eq!(
            app.next("event survived "),
            "0: worker 0 did not answer for 300ms while serving"
        );
        app.next("event ready 0 ");
        wait_until("it is killed", || !is_running(pid));
        app.signal(Signal::SIGTERM);
        app.end().tidy(0);
    }
}

/// A process that is halted cannot even tell its tasks.
#[test]
fn supervision_halted_worker_is_replaced() {
    let mut app = App::ready("workers=2 heartbeat=50,200");
    let worker = app.workers()[1];
    send(worker, Signal::SIGSTOP);
    app.next("event hung 1 no tree");
    app.next("event ready 1 ");
    wait_until("it is killed", || !is_running(worker));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn supervision_workers_that_answer_are_left_alone() {
    let mut app = App::ready("workers=2 worker=obedient bind=127.0.0.1:0 heartbeat=10,2000");
    let mut stream = connect(app.address()).unwrap();
    for _ in 0..50 {
        ask(&mut stream, "who").unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    drop(stream);
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("event started ").len(), 2, "{ended}");
}

// -- recycling

#[test]
fn supervision_worker_is_recycled_by_age() {
    let mut app = App::ready("workers=2 max_age=200");
    let old = app.workers();
    for _ in 0..2 {
        assert!(app.next("event recycle ").ends_with(" Age"));
    }
    for _ in 0..2 {
        app.next("event ended ");
    }
    assert!(!old.iter().any(|pid| is_running(*pid)));
    app.signal(Signal::SIGTERM);
    one_at_a_time(&app.end().tidy(0), 2);
}

#[test]
fn supervision_worker_is_recycled_by_requests() {
    let mut app = App::ready("workers=1 worker=obedient bind=127.0.0.1:0 max_requests=20");
    let old = app.workers()[0];
    let mut stream = connect(app.address()).unwrap();
    // The limit is 20, and up to a quarter more. This worker does not care about what is open when it stops.
    let asked = (0..25).take_while(|_| ask(&mut stream, "request").is_ok());
    assert!(asked.count() >= 20);
    assert_eq!(app.next("event recycle 0 "), format!("{old} Requests"));
    // It is told only when another one is ready.
    app.next("event ready 0 ");
    app.next(&format!("event ended 0 {old}"));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn supervision_worker_is_recycled_by_memory() {
    let mut app = App::ready("workers=1 worker=obedient bind=127.0.0.1:0 max_mib=60");
    let old = app.workers()[0];
    let mut stream = connect(app.address()).unwrap();
    ask(&mut stream, "fill").unwrap();
    drop(stream);
    assert_eq!(app.next("event recycle 0 "), format!("{old} Memory"));
    app.next(&format!("event ended 0 {old}"));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn supervision_worn_worker_stays_while_its_successor_fails() {
    let mut app = App::ready("workers=1 max_age=50 later_setup=0:error restart=1,200,1,60000");
    let old = app.workers()[0];
    app.next("event recycle 0 ");
    app.next("event survived 0");
    // It is tried again, and never counts as a failure of the worker that serves.
    for _ in 0..3 {
        assert_eq!(app.next("event recycle 0 "), format!("{old} Again"));
    }
    assert!(is_running(old));
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

/// Checks that no more than `workers` and one to replace them were ever there at once.
fn one_at_a_time(ended: &Ended, workers: usize) {
    let mut alive = 0;
    for line in &ended.lines {
        if line.starts_with("event started ") {
            alive += 1;
        } else if line.starts_with("event ended ") || line.starts_with("event survived ") {
            alive -= 1;
        }
        assert!(alive <= workers + 1, "{ended}");
    }
}

// -- the handle

#[test]
fn supervision_worker_may_ask_by_the_handle() {
    let mut app = App::ready("workers=2 worker=obedient bind=127.0.0.1:0 handle");
    let addr = app.address();
    let ask_once = |line: &str| ask(&mut connect(addr).unwrap(), line).unwrap();
    ask_once("scale");
    app.next("event scaled 3");
    app.next("event ready 2 ");
    ask_once("reload");
    app.next("event reload done");
    ask_once("inspect");
    app.next("event inspected");
    assert_eq!(
        app.next("status "),
        "3 workers wanted, 3 processes, 0 failures survived"
    );
    for index in 0..3 {
        let worker = app.next(&format!("status worker {index}: "));
        assert!(
            worker.contains("serving, ") && worker.contains(" connections, "),
            "{worker}"
        );
    }
    ask_once("stop");
    // No look at the descriptors: the test program keeps the handle.
    assert!(app.end().status.success());
}

/// One that is blocked tells what it does, and one that is halted does not hold up the others.
#[test]
fn supervision_status_has_what_can_be_had() {
    let mut app = App::ready("workers=3 worker=obedient bind=127.0.0.1:0 handle");
    let addr = app.address();
    let mut blocked = connect(addr).unwrap();
    let pid: i32 = ask(&mut blocked, "request").unwrap()[8..].parse().unwrap();
    blocked.write_all(b"block\n").unwrap();
    let workers = app.workers();
    let of_blocked = workers.iter().position(|worker| *worker == pid).unwrap();
    let of_halted = (of_blocked + 1) % 3;
    send(workers[of_halted], Signal::SIGSTOP);
    wait_until("it is halted", || state_of(workers[of_halted]) == Some('T'));
    let mut other = connect(addr).unwrap();
    other.write_all(b"inspect\n").unwrap();
    app.next("event inspected");
    let status: Vec<_> = (0..3)
        .map(|index| app.next(&format!("status worker {index}: ")))
        .collect();
    assert!(
        status[of_blocked].ends_with(", 1 connections, 1 requests"),
        "{status:?}"
    );
    assert!(!status[of_halted].contains("requests"), "{status:?}");
    assert!(
        status[3 - of_blocked - of_halted].ends_with(", 1 connections, 0 requests"),
        "{status:?}"
    );
}

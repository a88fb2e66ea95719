//! The prefork server, from outside: each test runs a server in a process of its own.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on threads of their own, and have no runtime"
)]

mod server_endurance;
mod server_supervision;
mod server_support;

use std::{
    collections::HashSet,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use server_support::{App, ask, connect, cpu_ticks, is_running, open_in, send, wait_until};

const ALL_PHASES: [&str; 5] = ["Bound", "Starting", "Running", "Stopping", "Ended"];

// -- what a server is made of

/// SRV-01
#[test]
fn server_one_worker_runs_to_completion() {
    let ended = App::start("completion workers=1").end().tidy(0);
    assert_eq!(ended.all("start "), ["0 (987, 123) 1"]);
    assert_eq!(ended.all("stop "), ["0 SIGTERM"]);
    assert_eq!(ended.all("end "), ["0"]);
}

/// SRV-02
#[test]
fn server_workers_run_to_completion() {
    let ended = App::start("completion workers=3").end().tidy(0);
    assert_eq!(ended.all("start ").len(), 3);
    assert_eq!(ended.all("end "), ["0", "1", "2"]);
    assert!(!ended.phases().contains(&"Stopping"), "{ended}");
}

/// SRV-04
#[test]
fn server_workers_run_to_completion_past_failures() {
    let ended = App::start("completion workers=4 setup=0:error,2:error log")
        .end()
        .tidy(1);
    assert_eq!(ended.all("start ").len(), 4, "{ended}");
    assert_eq!(ended.all("end "), ["1", "3"], "{ended}");
    let logged: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("boom") && line.contains("ERROR"))
        .collect();
    assert_eq!(logged.len(), 2, "{ended}");
    assert!(
        logged
            .iter()
            .all(|line| line.contains("phase=initialization")),
        "{ended}"
    );
    assert_eq!(
        ended.all("failure "),
        [
            "0 initialization: worker 0 failed during initialization: boom 0",
            "2 initialization: worker 2 failed during initialization: boom 2"
        ]
    );
    assert_eq!(
        ended.all("main "),
        [
            format!("start in {}", pid_in(&ended)),
            "stop SIGTERM".into()
        ]
    );
}

fn pid_in(ended: &server_support::Ended) -> String {
    ended.all("main start in ")[0].to_owned()
}

/// SRV-05
#[test]
fn server_workers_get_main_context_and_args() {
    let app = App::start("completion workers=3");
    let parent = app.pid().to_string();
    let ended = app.end().tidy(0);
    // The last number counts the changes of the worker's own copy.
    assert_eq!(
        ended.all("start "),
        ["0 (987, 123) 1", "1 (987, 123) 1", "2 (987, 123) 1"]
    );
    assert_eq!(pid_in(&ended), parent);
    assert_eq!(ended.all("main stop "), ["SIGTERM"]);
    assert_eq!(ended.all("config dropped in "), ["parent"]);
    assert_eq!(ended.all("args dropped in "), ["parent"]);
}

/// SRV-06
#[test]
fn server_custom_signal_runs_to_completion() {
    let ended = App::start("completion workers=3 signals=USR1")
        .end()
        .tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGUSR1", "1 SIGUSR1", "2 SIGUSR1"]);
    assert_eq!(ended.all("main stop "), ["SIGUSR1"]);
}

#[test]
fn server_workers_share_a_tcp_listener() {
    let mut app = App::ready("workers=2 worker=echo bind=127.0.0.1:0");
    let addr = app.address();
    let mut stream = connect(addr).unwrap();
    assert!(
        ask(&mut stream, "hello")
            .unwrap()
            .starts_with("hello from worker ")
    );
    drop(stream);
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.phases(), ALL_PHASES);
}

#[test]
fn server_workers_share_a_unix_listener() {
    let path = std::env::temp_dir().join(format!("aiotools-server-{}.sock", std::process::id()));
    let app = App::ready(&format!(
        "workers=2 worker=unix bind_unix={}",
        path.display()
    ));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    assert!(
        ask(&mut stream, "hello")
            .unwrap()
            .starts_with("hello from worker ")
    );
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
    assert!(!path.exists());
}

#[test]
fn server_worker_may_have_a_multi_thread_runtime() {
    let app = App::ready("workers=2 worker=echo bind=127.0.0.1:0 threads");
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGINT", "1 SIGINT"]);
}

#[test]
fn server_unknown_listener_lists_what_is_bound() {
    let ended = App::start("workers=1 worker=unknown_listener bind=127.0.0.1:0")
        .end()
        .tidy(1);
    let text = "the server does not listen on 127.0.0.1:1, but on 127.0.0.1:0 (127.0.0.1:";
    assert_eq!(ended.errors_with(text), 1, "{ended}");
    let ended = App::start("workers=1 worker=unknown_listener")
        .end()
        .tidy(1);
    assert_eq!(
        ended.errors_with("nothing is bound, give start_server(..) a bind(\"127.0.0.1:1\")"),
        1,
        "{ended}"
    );
}

// -- signals

#[test]
fn server_stops_on_each_default_signal() {
    for (signal, name) in [(Signal::SIGINT, "SIGINT"), (Signal::SIGTERM, "SIGTERM")] {
        let app = App::ready("workers=3");
        app.signal(signal);
        let ended = app.end().tidy(0);
        assert_eq!(
            ended.all("stop "),
            [0, 1, 2].map(|index| format!("{index} {name}"))
        );
        assert_eq!(ended.all("main stop "), [name]);
        assert_eq!(ended.phases(), ALL_PHASES);
    }
}

#[test]
fn server_stops_on_a_custom_signal() {
    let app = App::ready("workers=2 signals=USR1,USR2");
    app.signal(Signal::SIGUSR2);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGUSR2", "1 SIGUSR2"]);
    assert_eq!(ended.all("main stop "), ["SIGUSR2"]);
}

#[test]
fn server_first_signal_is_the_one_that_is_told() {
    let mut app = App::ready("workers=2 shutdown=all:hang");
    app.signal(Signal::SIGTERM);
    app.line("stop 0");
    app.line("stop 1");
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(1);
    assert_eq!(ended.all("stop "), ["0 SIGTERM", "1 SIGTERM"]);
    assert_eq!(ended.all("main stop "), ["SIGTERM"]);
}

#[test]
fn server_second_signal_forces_the_stop() {
    let mut app = App::ready("workers=2 shutdown=1:hang wait_ms=600000");
    let other = app.workers()[0];
    app.signal(Signal::SIGTERM);
    wait_until("the other worker ends", || !is_running(other));
    app.line("stop 1");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        [
            "1 shutdown: worker 1 was killed during shutdown, as a second stop signal (SIGTERM) asked for"
        ]
    );
    assert_eq!(
        ended.phases(),
        [
            "Bound", "Starting", "Running", "Stopping", "Killing", "Ended"
        ]
    );
}

#[test]
fn server_signal_to_the_process_group_stops_once() {
    let app = App::ready("workers=3 group");
    send(-app.pid(), Signal::SIGINT);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("stop "), ["0 SIGINT", "1 SIGINT", "2 SIGINT"]);
    assert_eq!(ended.all("end "), ["0", "1", "2"]);
}

/// As when someone presses Ctrl-C again.
#[test]
fn server_second_signal_to_the_process_group_forces_the_stop() {
    let mut app = App::ready("workers=2 group shutdown=all:hang wait_ms=600000");
    send(-app.pid(), Signal::SIGINT);
    app.line("stop 0");
    app.line("stop 1");
    thread::sleep(Duration::from_millis(150));
    send(-app.pid(), Signal::SIGINT);
    let ended = app.end().tidy(1);
    assert_eq!(ended.all("failure ").len(), 2, "{ended}");
    assert!(ended.phases().contains(&"Killing"), "{ended}");
}

/// As `timeout(1)` does: that is one request, not a second signal that forces the stop.
#[test]
fn server_signal_to_the_parent_and_to_its_group_stops_once() {
    for _ in 0..10 {
        let app = App::ready("workers=3 group shutdown=all:100");
        send(app.pid(), Signal::SIGTERM);
        thread::sleep(Duration::from_micros(500));
        send(-app.pid(), Signal::SIGTERM);
        let ended = app.end().tidy(0);
        assert_eq!(ended.all("end "), ["0", "1", "2"]);
    }
}

#[test]
fn server_signal_to_a_worker_stops_it_gracefully() {
    let mut app = App::ready("workers=2 restart=never");
    send(app.workers()[1], Signal::SIGINT);
    let ended = app.end().tidy(1);
    assert_eq!(ended.all("stop "), ["0 SIGTERM", "1 SIGINT"]);
    assert_eq!(ended.all("end "), ["0", "1"]);
    assert_eq!(
        ended.all("failure "),
        ["1 serving: worker 1 was stopped while serving by a SIGINT that was sent to it alone"]
    );
}

#[test]
fn server_signal_before_the_workers_are_ready_is_obeyed() {
    let mut app = App::start("workers=2 worker=slow");
    app.line("start 0");
    app.line("start 1");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("dropped "), ["0", "1"]);
    assert_eq!(ended.all("cleaned "), ["0 Cancelled", "1 Cancelled"]);
    assert_eq!(ended.all("main stop "), ["SIGTERM"]);
    assert_eq!(ended.phases(), ["Bound", "Starting", "Stopping", "Ended"]);
}

#[test]
fn server_signal_during_the_main_context_spares_the_workers() {
    let mut app = App::start("workers=2 main_ms=300");
    app.line("main start");
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(0);
    assert_eq!(ended.all("start "), Vec::<&str>::new());
    assert_eq!(ended.all("main stop "), ["SIGINT"]);
}

#[test]
fn server_signal_at_any_moment_is_obeyed() {
    for delay in 0..40 {
        let mut app = App::start("workers=3");
        app.line("phase Bound");
        thread::sleep(Duration::from_micros(delay * 250));
        app.signal(Signal::SIGTERM);
        let ended = app.end().tidy(0);
        assert_eq!(ended.all("main stop "), ["SIGTERM"], "{ended}");
        assert_eq!(ended.all("stop ").len(), ended.all("end ").len(), "{ended}");
    }
}

#[test]
fn server_signal_while_running_to_completion_is_obeyed() {
    let mut app = App::start("completion workers=2 setup=0:hang shutdown=1:hang wait_ms=300");
    app.line("start 0");
    app.line("stop 1");
    app.signal(Signal::SIGINT);
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        ["1 shutdown: worker 1 did not stop within 300ms and was killed during shutdown"]
    );
    assert_eq!(ended.all("main stop "), ["SIGINT"]);
}

// -- failures

#[test]
fn server_worker_error_in_setup_stops_the_server() {
    let ended = App::start("workers=3 setup=1:error log").end().tidy(1);
    // Once, and by what `main` returns.
    assert_eq!(ended.errors_with("boom"), 1, "{ended}");
    assert!(
        ended
            .stderr
            .contains("Error: worker 1 failed during initialization: boom 1\n"),
        "{ended}"
    );
    assert_eq!(
        ended.all("failure "),
        ["1 initialization: worker 1 failed during initialization: boom 1"]
    );
    assert_eq!(ended.all("main stop "), ["SIGTERM"]);
    assert_eq!(ended.all("stop ").len(), ended.all("end ").len(), "{ended}");
}

#[test]
fn server_worker_panic_in_setup_stops_the_server() {
    let ended = App::start("workers=3 setup=1:panic").end().tidy(1);
    assert_eq!(
        ended.errors_with("Error: worker 1 panicked during initialization: boom 1\n"),
        1,
        "{ended}"
    );
    assert_eq!(ended.all("failure ").len(), 1, "{ended}");
}

#[test]
fn server_worker_exit_in_setup_stops_the_server() {
    let ended = App::start("workers=3 setup=1:exit").end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        ["1 initialization: worker 1 exited with code 7 during initialization"]
    );
}

#[test]
fn server_worker_killed_in_setup_stops_the_server() {
    let ended = App::start("workers=3 setup=1:kill").end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        ["1 initialization: worker 1 was killed by SIGKILL during initialization"]
    );
}

#[test]
fn server_worker_error_in_shutdown_is_reported() {
    let app = App::ready("workers=3 shutdown=0:error,2:panic");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        [
            "0 shutdown: worker 0 failed during shutdown: boom 0",
            "2 shutdown: worker 2 panicked during shutdown: boom 2"
        ]
    );
    assert_eq!(ended.all("end "), ["1"]);
}

#[test]
fn server_worker_killed_while_serving_stops_a_server_that_never_restarts() {
    let mut app = App::ready("workers=3 restart=never");
    let killed = Instant::now();
    send(app.workers()[1], Signal::SIGKILL);
    app.line("phase Stopping");
    assert!(
        killed.elapsed() < Duration::from_secs(1),
        "noticed after {:?}",
        killed.elapsed()
    );
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.all("failure "),
        ["1 serving: worker 1 was killed by SIGKILL while serving"]
    );
    assert_eq!(ended.all("stop "), ["0 SIGTERM", "2 SIGTERM"]);
}

#[test]
fn server_all_workers_killed_stop_a_server_that_never_restarts() {
    let mut app = App::ready("workers=3 restart=never");
    for worker in app.workers() {
        send(worker, Signal::SIGKILL);
    }
    let ended = app.end().tidy(1);
    assert_eq!(ended.all("failure ").len(), 3, "{ended}");
}

#[test]
fn server_worker_that_does_not_stop_is_killed_and_reaped() {
    for how in ["hang", "block", "stray"] {
        let app = App::ready(&format!("workers=2 shutdown=1:{how} wait_ms=200"));
        let asked = Instant::now();
        app.signal(Signal::SIGTERM);
        let ended = app.end().tidy(1);
        assert!(asked.elapsed() >= Duration::from_millis(200));
        assert_eq!(
            ended.all("failure "),
            ["1 shutdown: worker 1 did not stop within 200ms and was killed during shutdown"],
            "{ended}"
        );
        assert!(ended.phases().contains(&"Killing"));
    }
}

#[test]
fn server_main_context_error_comes_out() {
    let ended = App::start("fail_main=setup bind=127.0.0.1:0").end().tidy(1);
    assert!(
        ended
            .stderr
            .ends_with("Error: the main context failed during initialization: main bang\n"),
        "{ended}"
    );
    assert_eq!(ended.all("refused="), ["false bind=false main=true"]);
    assert_eq!(ended.phases(), ["Bound", "Ended"]);

    let ended = App::start("fail_main=shutdown completion").end().tidy(1);
    assert!(
        ended
            .stderr
            .ends_with("Error: the main context failed during shutdown: main bang\n"),
        "{ended}"
    );

    let ended = App::start("fail_main=shutdown setup=0:error workers=1")
        .end()
        .tidy(1);
    let text = "Error: worker 0 failed during initialization: boom 0; after that, the main context failed: main bang\n";
    assert!(ended.stderr.ends_with(text), "{ended}");
}

#[test]
fn server_worker_ends_after_the_cleanups_that_it_left() {
    let app = App::ready("workers=3 shutdown=1:error,2:panic");
    app.signal(Signal::SIGTERM);
    let ended = app.end().tidy(1);
    assert_eq!(
        ended.all("cleaned "),
        ["0 Cancelled", "1 Cancelled", "2 Panicked"]
    );
}

// -- refusals

#[test]
fn server_is_refused_where_it_cannot_work() {
    let cases = [
        ("in_runtime", "cannot be run inside a tokio runtime"),
        (
            "thread",
            "there are 2: call run() before anything starts a thread",
        ),
        ("workers=0", "give workers(n) at least 1"),
        ("signals=", "give stop_signals(..) at least one"),
        ("signals=KILL", "SIGKILL cannot be a stop signal"),
        ("signals=TERM,STOP", "SIGSTOP cannot be a stop signal"),
        ("signals=CHLD", "SIGCHLD cannot be a stop signal"),
    ];
    for (args, text) in cases {
        let ended = App::start(args).end().tidy(1);
        assert_eq!(ended.errors_with(text), 1, "{args}: {ended}");
        assert_eq!(
            ended.all("refused="),
            ["true bind=false main=false"],
            "{args}: {ended}"
        );
        assert_eq!(ended.phases(), Vec::<&str>::new(), "{args}: {ended}");
    }
}

#[test]
fn server_is_refused_when_the_main_context_starts_a_thread() {
    let ended = App::start("main_thread").end().tidy(1);
    assert_eq!(
        ended.errors_with("there are 2: call run() before anything starts a thread"),
        1,
        "{ended}"
    );
    assert_eq!(ended.all("main stop "), ["SIGTERM"]);
}

#[test]
fn server_names_an_address_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let ended = App::start(&format!("bind={addr}")).end().tidy(1);
    assert_eq!(
        ended.errors_with(&format!(
            "Error: cannot listen on {addr}: Address already in use"
        )),
        1,
        "{ended}"
    );
    assert_eq!(ended.all("refused="), ["false bind=true main=false"]);
}

// -- what is left

#[test]
fn server_killed_parent_leaves_no_child() {
    for args in ["workers=3", "workers=3 shutdown=all:block"] {
        let mut app = App::ready(args);
        let workers = app.workers();
        assert!(workers.iter().all(|pid| is_running(*pid)));
        app.signal(Signal::SIGKILL);
        wait_until("the workers end", || {
            !workers.iter().any(|pid| is_running(*pid))
        });
        app.end();
    }
}

#[test]
fn server_panic_in_the_parent_leaves_no_child() {
    let mut app = App::start("workers=3 shutdown=all:block panic_in=Running");
    app.line("phase Running");
    let ended = app.end();
    assert_eq!(ended.status.code(), Some(101), "{ended}");
    assert_eq!(ended.errors_with("told to panic"), 1, "{ended}");
}

#[test]
fn server_can_be_run_again_in_the_same_process() {
    let ended = App::start("workers=2 completion again bind=127.0.0.1:0")
        .end()
        .tidy(0);
    assert_eq!(
        ended.all("stop "),
        ["0 SIGTERM", "0 SIGTERM", "1 SIGTERM", "1 SIGTERM"]
    );
}

/// What two processes of a server have in common is the listener; the rest is what the test itself has.
#[test]
fn server_processes_share_nothing_but_the_listener() {
    let mut app = App::ready("workers=3 bind=127.0.0.1:0");
    let processes = [app.workers(), vec![app.pid()]].concat();
    let ours = open_in(std::process::id().cast_signed());
    let sockets: Vec<HashSet<_>> = processes
        .into_iter()
        .map(|pid| {
            open_in(pid)
                .into_iter()
                .filter(|target| target.starts_with("socket:") && !ours.contains(target))
                .collect()
        })
        .collect();
    for (i, one) in sockets.iter().enumerate() {
        for other in &sockets[..i] {
            assert_eq!(one.intersection(other).count(), 1, "{sockets:#?}");
        }
    }
    for worker in app.workers() {
        let open = open_in(worker);
        assert!(
            !open
                .iter()
                .any(|target| target.contains("signalfd") || target.contains("pidfd")),
            "{open:#?}"
        );
    }
}

/// Signals of both kinds, in any order, to all processes: the server stops, and tells one signal.
#[test]
fn server_survives_a_storm_of_signals() {
    for round in 0..20 {
        let mut app = App::ready("workers=3 shutdown=all:20");
        let workers = app.workers();
        let all = [&workers[..], &[app.pid()]].concat();
        for i in 0..100 {
            let target = all[(i * 7 + round) % all.len()];
            let signal = if i % 3 == 0 {
                Signal::SIGINT
            } else {
                Signal::SIGTERM
            };
            // Not waited for by us, a worker may be gone.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(target), signal);
        }
        app.line("phase Ended");
        // After that the signals are the process's own again, and what is left of the storm may end it.
        let ended = app.end();
        assert_eq!(ended.all("main stop ").len(), 1, "{ended}");
        assert!(!workers.iter().any(|pid| is_running(*pid)), "{ended}");
        assert!(ended.all("stop ").len() <= 3, "{ended}");
    }
}

#[test]
fn server_port_is_free_after_the_stop() {
    let mut app = App::ready("workers=2 worker=echo bind=127.0.0.1:0");
    let addr = app.address();
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
    assert_eq!(
        connect(addr).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    let mut app = App::ready(&format!("workers=2 worker=echo bind={addr}"));
    assert_eq!(app.address(), addr);
}

#[test]
fn server_idle_parent_uses_no_cpu() {
    let app = App::ready("workers=2");
    let before = cpu_ticks(app.pid());
    thread::sleep(Duration::from_millis(500));
    assert!(cpu_ticks(app.pid()) - before <= 1);
}

/// A request that was accepted is answered, also one that waited in the queue of the kernel when the signal came.
#[test]
fn server_answers_each_accepted_request_during_a_stop() {
    const CLIENTS: usize = 200;
    let mut app = App::ready("workers=2 worker=echo bind=127.0.0.1:0");
    let addr = app.address();
    let connected = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let connected = connected.clone();
            thread::spawn(move || {
                let Ok(mut stream) = connect(addr) else {
                    return Ok(false);
                };
                connected.fetch_add(1, Ordering::Relaxed);
                let line = format!("request {client}");
                let answer = ask(&mut stream, &line)?;
                assert!(
                    answer.starts_with(&format!("{line} from worker ")),
                    "{answer}"
                );
                Ok::<_, std::io::Error>(true)
            })
        })
        .collect();
    wait_until("the clients come", || {
        connected.load(Ordering::Relaxed) >= CLIENTS / 4
    });
    app.signal(Signal::SIGTERM);
    let results: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let ended = app.end().tidy(0);
    let lost: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}; {ended}", lost.len());
    let answered = results
        .iter()
        .filter(|result| matches!(result, Ok(true)))
        .count();
    assert!(
        answered >= CLIENTS / 4,
        "only {answered} were answered; {ended}"
    );
}

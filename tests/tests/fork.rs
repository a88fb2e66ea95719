//! `afork`, from outside: each test runs a program of its own, `src/bin/fork_app`, which checks what it sees.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on threads of their own, and have no runtime"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

const PATIENCE: Duration = Duration::from_secs(25);

/// A program in a process group of its own, so that nothing of it is left in the end.
struct App(Child);

impl Drop for App {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn start(args: &str) -> App {
    let child = Command::new(env!("CARGO_BIN_EXE_fork_app"))
        .args(args.split_whitespace())
        .env("RUST_BACKTRACE", "0")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    App(child.expect("the test program is built with the tests"))
}

/// Runs it to its end, which must be a good one and come soon.
fn check(args: &str) {
    let mut app = start(args);
    let until = Instant::now() + PATIENCE;
    let mut status = None;
    while status.is_none() && Instant::now() < until {
        status = app.0.try_wait().expect("a child");
        thread::sleep(Duration::from_millis(2));
    }
    // The pipes end with the last of its processes.
    let _ = killpg(Pid::from_raw(app.0.id().cast_signed()), Signal::SIGKILL);
    let mut text = String::new();
    let mut stdout = app.0.stdout.take().expect("piped");
    stdout.read_to_string(&mut text).expect("text");
    let mut stderr = app.0.stderr.take().expect("piped");
    stderr.read_to_string(&mut text).expect("text");
    print!("{text}");
    assert!(
        status.is_some_and(|status| status.success()),
        "`fork_app {args}`: {status:?}\n{text}"
    );
}

const MODES: [&str; 4] = ["direct", "direct portable", "server", "server portable"];

fn check_all(scenario: &str) {
    for mode in MODES {
        check(&format!("{scenario} {mode}"));
    }
}

fn check_with_server(scenario: &str) {
    for mode in &MODES[2..] {
        check(&format!("{scenario} {mode}"));
    }
}

/// FRK-01
#[test]
fn fork_child_gives_its_exit_code() {
    check_all("exit_code");
}

#[test]
fn fork_every_exit_code_is_unchanged() {
    check_with_server("every_code");
}

/// FRK-03
#[test]
fn fork_signal_is_handled_by_the_child() {
    check_all("signal");
}

/// FRK-04
#[test]
fn fork_death_by_signal_is_not_a_code() {
    check_all("segfault");
}

/// FRK-05
#[test]
fn fork_many_at_once() {
    check_all("many");
}

#[test]
fn fork_child_that_dies_before_it_is_ready_is_an_error() {
    for how in ["", "by_signal"] {
        for mode in MODES {
            check(&format!("early {mode} {how}"));
        }
    }
}

#[test]
fn fork_child_that_is_not_ready_in_time_is_killed() {
    check_all("late");
}

#[test]
fn fork_results_and_panics_are_codes() {
    check_all("results");
}

#[test]
fn fork_argument_and_descriptors_arrive() {
    check_all("argument");
}

#[test]
fn fork_too_much_is_refused() {
    check_all("too_much");
}

#[test]
fn fork_child_may_use_tokio() {
    check_all("tokio_in_child");
}

#[test]
fn fork_child_has_no_signal_state_of_the_parent() {
    for more in ["", "poison", "ignore"] {
        for mode in MODES {
            check(&format!("clean {mode} {more}"));
        }
    }
}

#[test]
fn fork_wait_is_for_everyone_and_for_ever() {
    check_all("waiters");
}

#[test]
fn fork_status_taken_by_someone_else_is_told() {
    check("taken direct");
    check("taken direct portable");
}

#[test]
fn fork_leaves_no_zombie() {
    check_all("zombies");
}

/// What reaps a child that the process forked itself, and that nothing else does.
#[test]
fn fork_direct_child_is_reaped_by_what_is_done_next() {
    check("reaped direct");
    check("reaped direct portable");
}

/// The fork server keeps its rights, and is for nobody who has given up theirs.
#[test]
fn fork_server_refuses_another_user() {
    if !nix::unistd::geteuid().is_root() {
        println!("left out, as it takes root");
        return;
    }
    check_with_server("other_user");
}

#[test]
fn fork_dropped_handle_kills_only_if_told() {
    check_all("kill_on_drop");
}

#[test]
fn fork_dropped_future_leaves_no_child() {
    check_with_server("cancelled");
}

#[test]
fn fork_leaks_no_descriptor() {
    check_with_server("leaks");
}

/// Upstream #46: signals reached children that still had the handlers of the parent.
#[test]
fn fork_storm_of_signals() {
    check("storm server poison");
}

#[test]
fn fork_is_refused_where_it_would_break_the_rule_of_tokio() {
    for how in [
        "in_runtime",
        "in_runtime_blocking",
        "beside_runtime",
        "thread",
        "closure",
        "late_fork_server",
    ] {
        check(&format!("refused {how}"));
    }
}

/// As the docs say: what was there and is gone cannot be seen.
#[test]
fn fork_is_not_refused_after_a_runtime_that_is_gone() {
    check("past_runtime direct");
}

#[test]
fn fork_closure_keeps_what_it_captures() {
    check("closure");
}

#[test]
fn fork_server_that_is_gone_is_told() {
    check_with_server("server_dies");
}

#[test]
fn fork_server_ends_with_its_owner() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut app = start("owner_dies server");
        let mut line = String::new();
        BufReader::new(app.0.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let pids: Vec<i32> = line
            .split_whitespace()
            .map(|pid| pid.parse().expect("a pid"))
            .collect();
        let [server, child] = pids[..] else {
            panic!("two pids in {line:?}");
        };
        // What reaches the whole group leaves it alone.
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            kill(Pid::from_raw(server), signal).expect("it is there");
        }
        thread::sleep(Duration::from_millis(50));
        assert!(is_running(server));
        kill(Pid::from_raw(app.0.id().cast_signed()), signal).expect("it is there");
        app.0.wait().expect("a child");
        let until = Instant::now() + PATIENCE;
        while is_running(server) {
            assert!(Instant::now() < until, "the fork server is left");
            thread::sleep(Duration::from_millis(2));
        }
        assert!(is_running(child), "children go on");
        kill(Pid::from_raw(child), Signal::SIGKILL).expect("it is there");
    }
}

/// Whether the process exists; a zombie that nobody has waited for does not count.
fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

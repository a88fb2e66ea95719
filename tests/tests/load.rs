//! G6, no lost connection: `src/bin/load` puts a server under load while its workers come and go, here for a few seconds
//! each; `scripts/load` does it for longer. What it counts, and how, is told there.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on threads of their own, and have no runtime"
)]

use std::{
    io::Read as _,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// One at a time, as each of them takes the whole machine.
static MACHINE: Mutex<()> = Mutex::new(());

/// Runs it; its exit code, and what it has printed.
fn load(args: &str) -> (Option<i32>, String) {
    let _turn = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut load = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test program is built with the tests");
    let until = Instant::now() + Duration::from_secs(100);
    let status = loop {
        if let Some(status) = load.try_wait().expect("a child") {
            break status.code();
        }
        if Instant::now() > until {
            load.kill().expect("a child");
            load.wait().expect("a child");
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let mut text = String::new();
    let mut stdout = load.stdout.take().expect("piped");
    stdout.read_to_string(&mut text).expect("text");
    println!("load {args}: {status:?}\n{text}");
    (status, text)
}

/// Reloads, scalings, `kill -9` of idle workers, and a stop.
#[test]
fn load_loses_no_connection() {
    let (status, text) = load("shared");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("lost         0 "), "{text}");
}

/// The same with a queue for each worker.
#[test]
fn load_loses_no_connection_from_many_queues() {
    let (status, text) = load("queues");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("lost         0 "), "{text}");
}

/// What a worker has in its hands when it is killed is lost, and nothing beyond.
#[test]
fn load_loses_at_most_what_killed_workers_had_in_their_hands() {
    let (status, text) = load("shared kill=any seconds=2");
    assert_eq!(status, Some(0), "{text}");
}

/// The test can see a loss: workers with sockets of their own lose what waits in the queues of these when they end.
#[test]
fn load_sees_the_losses_of_sockets_per_worker() {
    // Which the kernel can be told to prevent.
    let migrates = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req");
    if migrates.is_ok_and(|migrates| migrates.trim() != "0") {
        return;
    }
    let (status, text) = load("plain");
    assert_eq!(status, Some(1), "{text}");
    assert!(!text.contains("lost         0 "), "{text}");
}

//! The server for a long time, and under blows. Each test is short here; `SERVER_ENDURANCE=1` has them run as long as
//! they are meant to: 10,000 signals, 1,000 starts and stops, 1,000 reloads.

use std::{env, fs, thread, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::server_support::{App, cpu_ticks, is_running, open_in, wait_until};

fn rounds(short: usize, long: usize) -> usize {
    if env::var_os("SERVER_ENDURANCE").is_some() {
        long
    } else {
        short
    }
}

/// The children of a process that have not ended.
fn children_of(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids = list.split_whitespace().map(|pid| pid.parse().unwrap());
    pids.filter(|pid| is_running(*pid)).collect()
}

/// The resident memory of a process, in KiB.
fn memory_of(pid: i32) -> i64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap()
}

/// SplitMix64, so that a failure can be had again.
struct Chance(u64);

impl Chance {
    fn of(&mut self, choices: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % choices
    }
}

/// Signals of all kinds, in any order, to parent and workers, while workers come and go.
#[test]
fn endurance_storm_of_signals() {
    let mut app = App::ready(
        "workers=3 wait_ms=500 shutdown=all:2 restart=1,5,1000000,1000 heartbeat=100,3000",
    );
    let parent = app.pid();
    let mut chance = Chance(2024);
    for round in 0..rounds(1000, 10_000) {
        let workers = children_of(parent);
        let worker = (!workers.is_empty()).then(|| workers[chance.of(workers.len().max(1))]);
        let (target, signal) = match (chance.of(10), worker) {
            (0..3, _) | (_, None) => (parent, Signal::SIGHUP),
            (3, _) => (parent, Signal::SIGTTIN),
            (4, _) => (parent, Signal::SIGTTOU),
            (5, _) => (parent, Signal::SIGUSR1),
            (6, Some(worker)) => (worker, Signal::SIGTERM),
            (7, Some(worker)) => (worker, Signal::SIGINT),
            (8, Some(worker)) => (worker, Signal::SIGHUP),
            (_, Some(worker)) => (worker, Signal::SIGKILL),
        };
        // A worker may have gone in the meantime.
        let _ = kill(Pid::from_raw(target), signal);
        assert!(is_running(parent), "round {round}, seed 2024");
        thread::sleep(Duration::from_micros(chance.of(2000) as u64));
    }
    // After the storm, it is a server like any other.
    let before = app.lines("event reload done").len();
    app.signal(Signal::SIGHUP);
    wait_until("it reloads", || {
        app.lines("event reload done").len() > before
    });
    let places = |app: &mut App| {
        let scaled = app.lines("event scaled ").pop();
        scaled.map_or(3, |places| places.parse::<usize>().unwrap())
    };
    // The storm may have made many, and each beats: rest is that of a few.
    while places(&mut app) > 3 {
        let fewer = places(&mut app) - 1;
        app.signal(Signal::SIGTTOU);
        wait_until("one place less", || places(&mut app) == fewer);
    }
    wait_until("each place is taken, once", || {
        children_of(parent).len() == places(&mut app)
    });
    let used = cpu_ticks(parent);
    thread::sleep(Duration::from_millis(300));
    assert!(cpu_ticks(parent) - used <= 2, "it has come to rest");
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

#[test]
fn endurance_starts_and_stops_leave_nothing() {
    let path = env::temp_dir().join(format!("aiotools-endurance-{}.sock", std::process::id()));
    for round in 0..rounds(20, 1000) {
        let mut app = App::ready(&format!(
            "workers=3 worker=unix bind_unix={} bind=127.0.0.1:0",
            path.display()
        ));
        let all = [app.workers(), vec![app.pid()]].concat();
        let signal = [Signal::SIGTERM, Signal::SIGINT][round % 2];
        app.signal(signal);
        app.end().tidy(0);
        assert!(!all.iter().any(|pid| is_running(*pid)), "round {round}");
        assert!(!path.exists(), "round {round}");
    }
}

#[test]
fn endurance_reloads_leak_nothing() {
    let mut app = App::ready("workers=2 bind=127.0.0.1:0 heartbeat=1000,10000 max_age=3600000");
    let parent = app.pid();
    let reload = |app: &mut App, times: usize| {
        for _ in 0..times {
            app.signal(Signal::SIGHUP);
            app.next("event reload done");
        }
    };
    reload(&mut app, 10);
    let before = (open_in(parent).len(), memory_of(parent));
    reload(&mut app, rounds(40, 1000));
    let after = (open_in(parent).len(), memory_of(parent));
    assert_eq!(before.0, after.0, "{:#?}", open_in(parent));
    assert!(
        after.1 - before.1 <= 128,
        "from {} to {} KiB",
        before.1,
        after.1
    );
    assert_eq!(children_of(parent).len(), 2);
    app.signal(Signal::SIGTERM);
    app.end().tidy(0);
}

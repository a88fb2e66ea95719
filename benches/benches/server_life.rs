//! What does a prefork server cost beside its requests: the start, a rolling reload under load, the parent while nothing happens,
//! and after 1,000 reloads?
//!
//! `cargo bench -p aiotools-benches --bench server_life`. Linux only.
#![allow(missing_docs, reason = "a bench")]

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use aiotools_benches::{
    Curve, Samples, Table,
    alloc::Counting,
    server::{
        Client, Cpu, Kind, Peer, Wire, descriptors, memory, pause, serve_if_asked, sleeps,
        system_calls_of_a_life, tail,
    },
    setting,
};
use nix::sys::signal::Signal;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    serve_if_asked();
    start();
    system_calls_by_workers();
    reload_under_load();
    idle_parent();
    many_reloads();
}

fn rounds(part: usize) -> usize {
    (setting("ROUNDS", 150) / part).max(5)
}

fn server(workers: usize) -> Peer {
    Peer::start(Kind::Aiotools, Wire::Http, workers).expect("our server starts")
}

const WORKERS: [usize; 5] = [1, 2, 4, 8, 16];

fn start() {
    let mut took = Samples::default();
    for _ in 0..rounds(8) {
        for workers in WORKERS {
            let ms = server(workers).started_in().as_secs_f64() * 1e3;
            took.add(format!("aiotools, {workers} workers"), ms);
        }
    }
    let table = took.table("from run() to ready", "ms");
    WORKERS
        .iter()
        .fold(table, |table, workers| {
            let allowed = (10 + 2 * workers) as f64;
            table.goal_most(format!("aiotools, {workers} workers"), allowed)
        })
        .show();
}

/// What one more worker adds to the start and the end of a server, parent and workers together: counted, since time says nothing about
/// a start on a busy machine.
fn system_calls_by_workers() {
    let title = "start and stop, one more worker, by how many there are: system calls";
    let mut curve = Curve::new(title, "system calls").flat_within(1.5);
    let mut fewer: Option<(usize, u64)> = None;
    for workers in WORKERS {
        // Of several lives the one with the fewest: a busy machine lets the parent wait more often.
        let lives = (0..5).filter_map(|_| {
            let calls = system_calls_of_a_life(Kind::Aiotools, Wire::Http, workers)?;
            Some(calls.all)
        });
        let Some(calls) = lives.min() else {
            return println!("without system calls: neither perf nor strace may look");
        };
        if let Some((count, before)) = fewer {
            let each = (calls as f64 - before as f64) / (workers - count) as f64;
            curve.point("aiotools", workers as f64, each);
        }
        fewer = Some((workers, calls));
    }
    curve.show();
}

/// The old workers are gone, and as many new ones are there.
fn reload(server: &Peer) {
    let old: BTreeSet<_> = server.pids().into_iter().collect();
    server.signal(Signal::SIGHUP);
    wait_for_reload(server, &old);
}

fn wait_for_reload(server: &Peer, old: &BTreeSet<u32>) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let now: BTreeSet<_> = server.pids().into_iter().collect();
        // The parent stays.
        if now.len() == old.len() && now.intersection(old).count() == 1 {
            return;
        }
        assert!(
            Instant::now() < until,
            "the reload does not end: {old:?}, {now:?}"
        );
        pause(Duration::from_micros(500));
    }
}

fn reload_under_load() {
    const RATE: u32 = 1_000;
    const REQUESTS: usize = 500;
    const CALM: &str = "no reload";
    const RELOAD: &str = "in a rolling reload";
    let server = server(8);
    let client = Client::new();
    // A tail that nothing happened to fall into is luck.
    let mut latency = Samples::by_median();
    for _ in 0..rounds(5) {
        for reloads in [false, true] {
            let old: BTreeSet<_> = server.pids().into_iter().collect();
            if reloads {
                server.signal(Signal::SIGHUP);
            }
            let took = client.connect_by_the_clock(server.addr(), Wire::Http, RATE, REQUESTS);
            if reloads {
                wait_for_reload(&server, &old);
            }
            let name = if reloads { RELOAD } else { CALM };
            latency.add(name, tail(took).as_secs_f64() * 1e3);
        }
    }
    latency
        .table(
            format!("{RATE} connections a second, 8 workers: 99th percentile"),
            "ms",
        )
        .goal_more(RELOAD, CALM, 2.0)
        .show();
}

fn idle_parent() {
    const TIME: Duration = Duration::from_secs(2);
    let server = server(2);
    pause(Duration::from_millis(200));
    let parent = [server.pid()];
    let (before, slept) = (Cpu::of(&parent), sleeps(server.pid()));
    pause(TIME);
    let (used, _) = Cpu::of(&parent).since(&before);
    let woken = sleeps(server.pid()) - slept;
    Table::new(format!("the parent, idle for {TIME:?}"), "")
        .row("ns of CPU", used as f64)
        .row("times that it woke up", woken as f64)
        .goal_most("ns of CPU", 0.0)
        .goal_most("times that it woke up", 0.0)
        .show();
}

fn many_reloads() {
    let server = server(1);
    let parent = server.pid();
    let curve = |of: &str, unit: &str| {
        Curve::new(format!("the parent, by the number of reloads: {of}"), unit).flat_within(1.02)
    };
    let mut held = curve("memory", "KiB");
    let mut open = curve("open files", "files");
    for count in 0..=1_000 {
        if [10, 100, 500, 1_000].contains(&count) {
            pause(Duration::from_millis(50)); // The parent has put away what it needed.
            held.point("aiotools", f64::from(count), memory(parent) as f64);
            open.point("aiotools", f64::from(count), descriptors(parent) as f64);
        }
        reload(&server);
    }
    held.show();
    open.show();
}

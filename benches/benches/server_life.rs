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
    Table,
    alloc::Counting,
    server::{
        Client, Cpu, Kind, Peer, Samples, Wire, descriptors, memory, pause, serve_if_asked, sleeps,
        tail,
    },
    setting,
};
use nix::sys::signal::Signal;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    serve_if_asked();
    start();
    reload_under_load();
    idle_parent();
    many_reloads();
}

fn server(workers: usize) -> Peer {
    Peer::start(Kind::Aiotools, Wire::Http, workers).expect("our server starts")
}

fn start() {
    for workers in [1, 2, 4, 8, 16] {
        let mut took = Samples::default();
        took.add("allowed", (10 + 2 * workers) as f64);
        for _ in 0..setting("ROUNDS", 150) / 8 {
            took.add("aiotools", server(workers).started_in().as_secs_f64() * 1e3);
        }
        took.show(
            format!("from `run()` to ready, {workers} workers"),
            "ms",
            &[("aiotools", "allowed", 1.0)],
        );
    }
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
    let server = server(8);
    let client = Client::new();
    let mut latency = Samples::default();
    for _ in 0..setting("ROUNDS", 150) / 5 {
        for reloads in [false, true] {
            let old: BTreeSet<_> = server.pids().into_iter().collect();
            if reloads {
                server.signal(Signal::SIGHUP);
            }
            let took = client.connect_by_the_clock(server.addr(), Wire::Http, RATE, REQUESTS);
            if reloads {
                wait_for_reload(&server, &old);
            }
            let most = tail(took).as_secs_f64() * 1e3;
            latency.add(
                if reloads {
                    "in a rolling reload"
                } else {
                    "no reload"
                },
                most,
            );
            if !reloads {
                latency.add("no reload, and 2 ms", most + 2.0);
            }
        }
    }
    latency.show(
        format!("{RATE} connections a second, 8 workers: 99th percentile"),
        "ms",
        &[("in a rolling reload", "no reload, and 2 ms", 1.0)],
    );
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
        .show();
}

fn many_reloads() {
    let server = server(1);
    let parent = server.pid();
    let mut memory_after = Table::new("memory of the parent", "KiB");
    let mut files_after = Table::new("open files of the parent", "");
    for count in 0..=1_000 {
        if [10, 100, 500, 1_000].contains(&count) {
            let after = format!("after {count} reloads");
            memory_after = memory_after.row(&after, memory(parent) as f64);
            files_after = files_after.row(&after, descriptors(parent) as f64);
        }
        reload(&server);
    }
    for table in [memory_after, files_after] {
        table
            .goal("after 1000 reloads", "after 10 reloads", 1.02)
            .show();
    }
}

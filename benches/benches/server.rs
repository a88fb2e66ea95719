//! What does a request cost in a prefork server of ours, and in its peers: CPU, time, latency at a fixed rate, system calls,
//! allocations?
//!
//! `cargo bench -p aiotools-benches --bench server [-- http|echo|http-busy|http-rate|http-counts|http-short|echo-busy|..]`;
//! `scripts/bench-peers` installs the Python peers. Linux only.
//!
//! All servers run at once, with two workers each, and take turns in short rounds under the same client, which is one thread on
//! the same machine. In each round its connections are new ones.
#![allow(missing_docs, reason = "a bench")]

use aiotools_benches::{
    Samples,
    alloc::Counting,
    server::{Client, Cpu, Kind, Peer, Wire, Work, median, serve_if_asked, system_calls, tail},
    setting,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WORKERS: usize = 2;
const CONNECTIONS: usize = 64;

fn main() {
    serve_if_asked();
    let mut chosen = std::env::args().skip(1);
    let chosen = chosen.find(|arg| !arg.starts_with('-')).unwrap_or_default();
    for wire in [Wire::Http, Wire::Echo] {
        let is_chosen = |part: &str| format!("{}-{part}", wire.name()).starts_with(&chosen);
        let parts = [
            ("busy", keep_busy as fn(&Client, &[Peer], Wire)),
            ("rate", fixed_rate),
            ("counts", counts),
            ("short", short_connections),
        ];
        if parts.iter().any(|(part, _)| is_chosen(part)) {
            let (client, peers) = (Client::new(), start(wire));
            for (part, run) in parts {
                if is_chosen(part) {
                    run(&client, &peers, wire);
                }
            }
        }
    }
}

fn rounds(part: usize) -> usize {
    (setting("ROUNDS", 150) / part).max(5)
}

/// The multi-thread process first, for the others to be compared with.
fn start(wire: Wire) -> Vec<Peer> {
    let mut kinds: Vec<_> = Kind::that_speak(wire).collect();
    kinds.sort_by_key(|kind| *kind != Kind::MultiThread);
    let start = |kind: Kind| match Peer::start(kind, wire, WORKERS) {
        Ok(peer) => Some(peer),
        Err(why) => {
            println!("left out: {}: {why}", kind.name());
            None
        }
    };
    kinds.into_iter().filter_map(start).collect()
}

fn keep_busy(client: &Client, peers: &[Peer], wire: Wire) {
    const REQUESTS: usize = 64 * 50;
    let [mut cost, mut time] = [(); 2].map(|()| Samples::default());
    // Which worker has which connection is luck.
    let mut share = Samples::by_median();
    for _ in 0..rounds(4) {
        for peer in peers {
            let name = peer.kind().name();
            let mut connections = client.connect(peer.addr(), wire, CONNECTIONS);
            let pids = peer.pids();
            let before = Cpu::of(&pids);
            let took = client.keep_busy(&mut connections, REQUESTS);
            let (used, most) = Cpu::of(&pids).since(&before);
            cost.add(name, used as f64 / REQUESTS as f64);
            time.add(name, took.as_nanos() as f64 / REQUESTS as f64);
            share.add(name, most as f64 / used as f64 * 100.0);
        }
    }
    let what = format!(
        "{} requests on {CONNECTIONS} connections, {WORKERS} workers",
        wire.name()
    );
    let ours = Kind::Aiotools.name();
    let goals: Vec<_> = [
        (Kind::MultiThread, 1.0),
        (Kind::Nginx, 1.1),
        (Kind::Asyncio, 0.333),
        (Kind::Uvloop, 0.5),
    ]
    .into_iter()
    .filter(|(peer, _)| Kind::that_speak(wire).any(|kind| kind == *peer))
    .map(|(peer, at_most)| (ours, peer.name(), at_most))
    .collect();
    cost.show(format!("{what}: CPU of the server"), "ns", &goals);
    // 0.95 of its throughput.
    let goals = [(ours, Kind::Forked.name(), 1.053)];
    time.show(format!("{what}: time, client included"), "ns", &goals);
    share.show(
        format!("{what}: the busiest worker's part of the CPU"),
        "%",
        &[],
    );
}

fn fixed_rate(client: &Client, peers: &[Peer], wire: Wire) {
    const RATE: u32 = 5_000;
    const REQUESTS: usize = 64 * 4;
    let mut half = Samples::default();
    // The requests that wait longest wait for a busy worker: luck as well.
    let mut most = Samples::by_median();
    for _ in 0..rounds(2) {
        for peer in peers {
            let mut connections = client.connect(peer.addr(), wire, CONNECTIONS);
            let took = client.by_the_clock(&mut connections, RATE, REQUESTS);
            let micros = |time: std::time::Duration| time.as_nanos() as f64 / 1e3;
            half.add(peer.kind().name(), micros(median(took.clone())));
            most.add(peer.kind().name(), micros(tail(took)));
        }
    }
    let what = format!("{} requests, {RATE} a second whatever happens", wire.name());
    half.show(format!("{what}: median latency"), "us", &[]);
    let goals = [(Kind::Aiotools.name(), Kind::MultiThread.name(), 1.0)];
    most.show(format!("{what}: 99th percentile"), "us", &goals);
}

fn counts(client: &Client, peers: &[Peer], wire: Wire) {
    const REQUESTS: usize = 64 * 200;
    let what = format!("{} requests on", wire.name());
    let mut counts = Counts::default();
    for peer in peers {
        let mut connections = client.connect(peer.addr(), wire, CONNECTIONS);
        counts.calls(peer, REQUESTS, || {
            client.keep_busy(&mut connections, REQUESTS);
        });
        if peer.kind().counts_allocations() {
            let before = client.work(&mut connections);
            client.keep_busy(&mut connections, REQUESTS);
            let work = Work::between(&before, &client.work(&mut connections));
            let each = work.allocations as f64 / REQUESTS as f64;
            counts.allocations.add(peer.kind().name(), each);
        }
    }
    counts.show(&format!("{what} {CONNECTIONS} connections"));

    // Here each of them is waited for, so that there is no luck in it.
    const ONE_BY_ONE: usize = 2_000;
    let mut all = Samples::default();
    for peer in peers {
        let mut connection = client.connect(peer.addr(), wire, 1);
        let calls = system_calls(&peer.pids(), || {
            client.keep_busy(&mut connection, ONE_BY_ONE);
        });
        if let Some(calls) = calls {
            all.add(peer.kind().name(), calls.all as f64 / ONE_BY_ONE as f64);
        }
    }
    as_by_hand(&all, &format!("{what} one connection: system calls"), 0.05);
}

fn short_connections(client: &Client, peers: &[Peer], wire: Wire) {
    const CONNECTIONS: usize = 512;
    const AT_ONCE: usize = 16;
    let [mut cost, mut time] = [(); 2].map(|()| Samples::default());
    for _ in 0..rounds(8) {
        for peer in peers {
            let pids = peer.pids();
            let before = Cpu::of(&pids);
            let took = client.one_request_each(peer.addr(), wire, AT_ONCE, CONNECTIONS);
            let (used, _) = Cpu::of(&pids).since(&before);
            let name = peer.kind().name();
            cost.add(name, used as f64 / CONNECTIONS as f64);
            time.add(name, took.as_nanos() as f64 / CONNECTIONS as f64);
        }
    }
    let what = format!(
        "{} connections of one request, {AT_ONCE} at once",
        wire.name()
    );
    let goals = [(Kind::Aiotools.name(), Kind::Forked.name(), 1.053)];
    cost.show(format!("{what}: CPU of the server"), "ns", &goals);
    time.show(format!("{what}: time, client included"), "ns", &goals);

    let mut counts = Counts::default();
    for peer in peers {
        counts.calls(peer, CONNECTIONS, || {
            client.one_request_each(peer.addr(), wire, 1, CONNECTIONS);
        });
        if peer.kind().counts_allocations() {
            // As many as should reach all workers.
            let mut ask = client.connect(peer.addr(), wire, 64);
            let before = client.work(&mut ask);
            client.one_request_each(peer.addr(), wire, 1, CONNECTIONS);
            let work = Work::between(&before, &client.work(&mut ask));
            let each = work.allocations as f64 / work.connections as f64;
            counts.allocations.add(peer.kind().name(), each);
        }
    }
    counts.show(&format!(
        "{} connections of one request, one after the other",
        wire.name()
    ));
}

/// What depends on how busy the machine is less than time does. How many events a wait brings is still a matter of luck, so the
/// other system calls stand apart; and so is who wakes up in vain for a connection that another worker has taken.
#[derive(Default)]
struct Counts {
    calls: Samples,
    waits: Samples,
    allocations: Samples,
}

impl Counts {
    fn calls(&mut self, peer: &Peer, requests: usize, work: impl FnOnce()) {
        if let Some(calls) = system_calls(&peer.pids(), work) {
            let each = |count: u64| count as f64 / requests as f64;
            let name = peer.kind().name();
            self.calls.add(name, each(calls.all - calls.waits));
            self.waits.add(name, each(calls.waits));
        }
    }

    fn show(&self, what: &str) {
        let calls = format!("{what}: system calls other than waits for events");
        self.calls.show(calls, "a request", &[]);
        let waits = format!("{what}: waits for events");
        self.waits.show(waits, "a request", &[]);
        as_by_hand(&self.allocations, &format!("{what}: allocations"), 0.0);
    }
}

/// Shows counts of which our server may have so many more than the one by hand.
fn as_by_hand(counts: &Samples, title: &str, more: f64) {
    counts
        .table(title, "a request")
        .goal_more(Kind::Aiotools.name(), Kind::Forked.name(), more)
        .show();
}

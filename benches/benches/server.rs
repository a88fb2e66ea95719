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
    Table,
    alloc::Counting,
    server::{
        Calls, Client, Cpu, Kind, Peer, Samples, Wire, Work, median, serve_if_asked, system_calls,
        tail,
    },
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
    let [mut cost, mut time, mut share] = [(); 3].map(|()| Samples::default());
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
    let goals = [
        (ours, Kind::MultiThread.name(), 1.0),
        (ours, Kind::Nginx.name(), 1.1),
        (ours, Kind::Asyncio.name(), 0.333),
        (ours, Kind::Uvloop.name(), 0.5),
    ];
    cost.show(format!("{what}: CPU of the server"), "ns", &goals);
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
    let [mut half, mut most] = [(); 2].map(|()| Samples::default());
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
    let mut counts = Counts::new(&format!("1,000 {} requests", wire.name()));
    for peer in peers {
        let mut connections = client.connect(peer.addr(), wire, CONNECTIONS);
        let calls = system_calls(&peer.pids(), || {
            client.keep_busy(&mut connections, REQUESTS);
        });
        let allocations = peer.kind().counts_allocations().then(|| {
            let before = client.work(&mut connections);
            client.keep_busy(&mut connections, REQUESTS);
            let work = Work::between(&before, &client.work(&mut connections));
            work.allocations as f64 / REQUESTS as f64
        });
        counts.add(peer, REQUESTS, calls, allocations);
    }
    counts.show();
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
    let goals = [(Kind::Aiotools.name(), Kind::Forked.name(), 1.05)];
    cost.show(format!("{what}: CPU of the server"), "ns", &goals);
    time.show(format!("{what}: time, client included"), "ns", &goals);

    let mut counts = Counts::new(&format!(
        "1,000 {} connections of one request, one after the other",
        wire.name()
    ));
    for peer in peers {
        let calls = system_calls(&peer.pids(), || {
            client.one_request_each(peer.addr(), wire, 1, CONNECTIONS);
        });
        let allocations = peer.kind().counts_allocations().then(|| {
            // As many as should reach all workers.
            let mut ask = client.connect(peer.addr(), wire, 64);
            let before = client.work(&mut ask);
            client.one_request_each(peer.addr(), wire, 1, CONNECTIONS);
            let work = Work::between(&before, &client.work(&mut ask));
            work.allocations as f64 / work.connections as f64
        });
        counts.add(peer, CONNECTIONS, calls, allocations);
    }
    counts.show();
}

/// What depends on how busy the machine is less than time does. How many events a wait brings is still a matter of luck, so the
/// other system calls stand apart.
struct Counts([Table; 3]);

impl Counts {
    fn new(what: &str) -> Self {
        let table = |of: &str| Table::new(format!("{what}: {of}"), "");
        Self([
            table("system calls other than waits for events"),
            table("waits for events"),
            table("allocations"),
        ])
    }

    fn add(
        &mut self,
        peer: &Peer,
        requests: usize,
        calls: Option<Calls>,
        allocations: Option<f64>,
    ) {
        let of_thousand = |count: u64| count as f64 / requests as f64 * 1e3;
        let numbers = [
            calls.map(|calls| of_thousand(calls.all - calls.waits)),
            calls.map(|calls| of_thousand(calls.waits)),
            allocations.map(|each| each * 1e3),
        ];
        for (table, number) in self.0.iter_mut().zip(numbers) {
            if let Some(number) = number {
                let rows = std::mem::replace(table, Table::new("", ""));
                *table = rows.row(peer.kind().name(), number);
            }
        }
    }

    fn show(self) {
        self.0.iter().for_each(Table::show);
    }
}

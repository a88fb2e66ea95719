//! How evenly are connections spread over the workers? What the one with the most has, as a multiple of its fair share.
//!
//! `cargo bench -p aiotools-benches --bench server_balance`. Linux only.
//!
//! All stay open until the last one is. "One after the other" means each when the one before has been served.
#![allow(missing_docs, reason = "a bench")]

use std::time::{Duration, Instant};

use aiotools_benches::{
    Samples,
    alloc::Counting,
    server::{Client, Kind, Peer, Wire, pause, serve_if_asked, sockets},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONNECTIONS: usize = 2_000;

fn main() {
    serve_if_asked();
    let client = Client::new();
    for workers in [2, 4, 8] {
        for (how, at_once) in [
            ("all at once", CONNECTIONS),
            ("64 at once", 64),
            ("one after the other", 1),
        ] {
            spread(&client, workers, how, at_once);
        }
    }
}

fn spread(client: &Client, workers: usize, how: &str, at_once: usize) {
    let kinds = [
        Kind::AiotoolsQueues,
        Kind::Aiotools,
        Kind::Forked,
        Kind::Nginx,
    ];
    // An even spread may be luck.
    let mut shares = Samples::by_median();
    for kind in kinds {
        let Ok(peer) = Peer::start(kind, Wire::Http, workers) else {
            continue;
        };
        let pids = peer.pids();
        let before = calm(&pids);
        for _ in 0..5 {
            let opened: Vec<_> = (0..CONNECTIONS / at_once)
                .map(|_| client.connect(peer.addr(), Wire::Http, at_once))
                .collect();
            let after = sockets(&pids);
            let taken = after
                .iter()
                .zip(&before)
                .map(|(after, before)| after - before);
            let most = taken.max().unwrap_or(0) as f64;
            let fair = (opened.len() * at_once) as f64 / workers as f64;
            shares.add(kind.name(), most / fair);
            drop(opened);
            settle(&pids, &before);
        }
    }
    let title = format!("{CONNECTIONS} connections, {how}, {workers} workers: the busiest");
    shares
        .table(title, "of its share")
        .goal_most(Kind::AiotoolsQueues.name(), 1.3)
        .goal_most(Kind::Aiotools.name(), 1.3)
        .show();
}

/// Waits until the server has put away what its start needed, and gives how many sockets are left.
fn calm(pids: &[u32]) -> Vec<usize> {
    loop {
        let before = sockets(pids);
        pause(Duration::from_millis(50));
        if sockets(pids) == before {
            return before;
        }
    }
}

/// Waits until the server has closed what the client has.
fn settle(pids: &[u32], before: &[usize]) {
    let until = Instant::now() + Duration::from_secs(5);
    while sockets(pids) != before && Instant::now() < until {
        pause(Duration::from_millis(1));
    }
}

//! The proof of G6: puts a server under load while its workers come and go, and counts what becomes of each connection.
//!
//! `load [shared|queues|plain] [key=value ..]`: a server of aiotools with one queue, or with a queue for each worker, or the
//! server to compare it with, whose workers have a socket each. With the defaults it takes a few seconds:
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `seconds` | 4 | how long, before the final stop |
//! | `clients` | 24 | how many make one short connection after the other |
//! | `keep_alive` | 8 | how many keep their connections |
//! | `workers` | 4 | of the server |
//! | `work_us` | 100 | of the processor, per request, in microseconds |
//! | `kill` | `idle` | `idle`, `any` or `none`: which workers get `kill -9` |
//! | `seed` | 1 | of the order of what happens |
//!
//! # What counts as a loss
//!
//! A connection that could not be made before the final stop began; a connection that was made, at any time, and whose
//! first request got no whole answer; a request on a kept connection that got a part of its answer. The rest is as in any
//! client of HTTP: if the server closes a kept connection, which it may do at any time, a request that met with
//! that and got no byte of an answer is sent again, on a new connection; it is counted as a retry.
//!
//! A connection is *in the hands* of a worker from its accept on, until it has been answered and waits for another request.
//! What is in the hands of a worker that gets `kill -9` cannot be saved by anyone. So the worker is halted first, and looked at
//! ([`idle`]); with `kill=idle` it is left alone if it has anything in its hands, and with `kill=any` that is counted, and allowed to be
//! lost. What waits in the queue of the listener is in nobody's hands, and must be served.
//!
//! Ends with code 0 if nothing was lost but what was allowed to be, with 1 if so, and with 101 if it could not find out.

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod random;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod tally;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    // Nothing of it is left, however it ends.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL).expect("prctl");
    let args: Vec<String> = std::env::args().skip(1).collect();
    let settings = events::Settings::new(&args);
    let report = events::run(&settings);
    println!("{report}");
    u8::from(!report.is_good()).into()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

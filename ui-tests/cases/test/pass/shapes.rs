#![deny(warnings)]

#[cfg(test)]
use aiotools::VirtualClock;

#[aiotools::test]
async fn plain() {}

#[aiotools::test(virtual_clock, timeout = "1m")]
async fn with_a_clock(clock: VirtualClock) -> Result<(), std::io::Error> {
    let _ = clock;
    Ok(())
}

#[aiotools::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "boom")]
async fn attributes_stay() {
    panic!("boom");
}

fn main() {}

use aiotools::VirtualClock;

#[aiotools::test]
fn not_async() {}

#[aiotools::test]
async fn parameter(clock: VirtualClock) {}

#[aiotools::test(virtual_clock)]
async fn two_parameters(clock: VirtualClock, n: u32) {}

#[aiotools::test(virtual_clock, flavor = multi_thread)]
async fn two_threads() {}

#[aiotools::test(virtual_clock, worker_threads = 2)]
async fn workers() {}

#[aiotools::test(flavor = current_thread, worker_threads = 0, timeout = "0s", start_paused)]
async fn arguments() {}

fn main() {}

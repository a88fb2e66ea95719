#[aiotools::main(drain = "5s", flavor = current_thread, worker_threads = 2)]
fn main(name: String) {}

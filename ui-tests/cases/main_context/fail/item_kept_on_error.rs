#[aiotools::main_context]
async fn setup() -> u32 {
    yield_!(1);
}

#[aiotools::server]
async fn worker(_: aiotools::WorkerContext<u32>) {
    yield_!();
}

fn main() {
    let _server = aiotools::start_server(worker).main_context(setup);
}

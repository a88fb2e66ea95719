use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {
    yield_!();
}

fn main() {
    let _ = aiotools::start_server(worker).bind(("0.0.0.0", 80)).run();
}

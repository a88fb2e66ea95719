use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext<(), u32>) {
    yield_!();
}

fn main() {
    let _ = aiotools::start_server(worker).args("seven").run();
}

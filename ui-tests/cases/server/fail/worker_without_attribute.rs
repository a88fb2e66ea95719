use aiotools::WorkerContext;

async fn worker(_ctx: WorkerContext) {}

fn main() {
    let _ = aiotools::start_server(worker).run();
}

use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {}

fn main() {}

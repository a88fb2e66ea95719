use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {
    yield_!(1);
}

fn main() {}

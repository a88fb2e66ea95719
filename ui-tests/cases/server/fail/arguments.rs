use aiotools::WorkerContext;

#[aiotools::server(workers = 4, crate, crate = ::aiotools, crate = ::aiotools)]
async fn worker(_ctx: WorkerContext) {
    yield_!();
}

fn main() {}

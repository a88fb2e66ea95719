use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: &WorkerContext) {
    yield_!();
}

fn main() {}

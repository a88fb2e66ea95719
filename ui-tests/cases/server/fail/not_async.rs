use aiotools::WorkerContext;

#[aiotools::server]
fn worker(_ctx: WorkerContext) {
    yield_!();
}

fn main() {}

use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) -> std::io::Result<()> {
    yield_!();
}

fn main() {}

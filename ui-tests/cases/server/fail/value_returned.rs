use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) -> std::io::Result<u32> {
    yield_!();
    Ok(1)
}

fn main() {}

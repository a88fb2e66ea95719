use aiotools::WorkerContext;

struct Error;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) -> Result<(), Error> {
    yield_!();
    Ok(())
}

fn main() {}

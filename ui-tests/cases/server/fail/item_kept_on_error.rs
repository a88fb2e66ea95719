use aiotools::WorkerContext;

#[aiotools::server]
fn worker(_ctx: WorkerContext) -> std::io::Result<()> {
    yield_!();
    Ok(())
}

fn main() {
    let _server = aiotools::start_server(worker).workers(1);
}

use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext, port: u16) {
    println!("{port}");
    yield_!();
}

fn main() {}

use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {
    loop {
        yield_!();
    }
}

fn main() {}

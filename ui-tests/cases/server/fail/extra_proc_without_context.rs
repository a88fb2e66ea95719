use aiotools::WorkerContext;

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {
    yield_!();
}

fn beat() {}

fn main() {
    let _ = aiotools::start_server(worker).extra_proc(beat).run();
}

use aiotools::{WorkerContext, server::ExtraContext};

#[aiotools::server]
async fn worker(_ctx: WorkerContext) {
    yield_!();
}

async fn beat(_ctx: ExtraContext) {}

fn main() {
    let _ = aiotools::start_server(worker).extra_proc(beat).run();
}

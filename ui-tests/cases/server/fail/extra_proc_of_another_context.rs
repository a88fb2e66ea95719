use aiotools::{WorkerContext, server::ExtraContext};

#[aiotools::server]
async fn worker(_ctx: WorkerContext<(), u32>) {
    yield_!();
}

fn beat(_ctx: ExtraContext<(), String>) {}

fn main() {
    let _ = aiotools::start_server(worker)
        .args(7_u32)
        .extra_proc(beat)
        .run();
}

extern crate aiotools as renamed;

use std::io;

use aiotools::{Signal, WorkerContext};

#[aiotools::server]
async fn plain(ctx: WorkerContext) {
    let _signal: Signal = yield_!();
    println!("{}", ctx.process_index());
}

/// Documented.
#[aiotools::server]
pub async fn fallible(mut ctx: WorkerContext<String, u32>) -> io::Result<()> {
    ctx = ctx.clone();
    match yield_!() {
        signal if ctx.main_context().is_empty() => println!("{signal}"),
        _ => return Err(io::ErrorKind::Other.into()),
    }
    Ok(())
}

#[aiotools::server(crate = renamed)]
async fn generic<C: 'static, A: 'static>(_: WorkerContext<C, A>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    C: Send,
{
    yield_!();
    Ok(())
}

fn main() {
    let _server = aiotools::start_server(plain);
    let _server = aiotools::start_server(generic::<(), i32>).args(1);
    let _worker = fallible;
}

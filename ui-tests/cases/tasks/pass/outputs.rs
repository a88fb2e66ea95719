#![deny(warnings)]
use aiotools::{BoxError, TaskGroup};

async fn run() -> Result<u32, BoxError> {
    let sum = TaskGroup::scope(async |tg| {
        tg.spawn(async {});
        tg.spawn(async { Ok::<_, BoxError>(()) });
        tg.spawn(async { Err::<(), _>("a text") });
        tg.spawn(async { loop { std::future::pending::<()>().await } });
        Ok(tg.spawn_infallible(async { 1 }).await?)
    });
    Ok(sum.await?)
}

fn main() { drop(run()) }

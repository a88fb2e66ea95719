extern crate aiotools as renamed;

use std::path::PathBuf;

use aiotools::WorkerContext;

#[aiotools::main_context]
fn plain() -> String {
    let signal = yield_!("hello".into());
    println!("{signal}");
}

#[aiotools::main_context]
fn with_parameters(path: PathBuf, (_, mut n): (u8, u32)) -> std::io::Result<String> {
    n += 1;
    let text = std::fs::read_to_string(&path)?;
    println!("{} {n}", yield_!(text));
    Ok(())
}

struct Settings(String);

impl Settings {
    #[aiotools::main_context(crate = renamed)]
    fn publish(self) -> String {
        yield_!(self.0);
    }
}

#[aiotools::server]
async fn worker(ctx: WorkerContext<String>) {
    println!("{}", ctx.main_context());
    yield_!();
}

fn main() {
    let _server = aiotools::start_server(worker).main_context(plain);
    let _server = aiotools::start_server(worker).main_context(|| with_parameters("x".into(), (0, 1)));
    let _server = aiotools::start_server(worker).main_context(|| Settings("x".into()).publish());
}

#[aiotools::main_context]
fn setup() -> u32 {
    std::future::ready(()).await;
    yield_!(1);
}

fn main() {}

#[aiotools::main_context]
async fn setup() -> u32 {
    yield_!(1);
}

fn main() {}

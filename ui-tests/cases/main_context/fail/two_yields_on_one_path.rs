#[aiotools::main_context]
fn setup() -> u32 {
    yield_!(1);
    yield_!(2);
}

fn main() {}

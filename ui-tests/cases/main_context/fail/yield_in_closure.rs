#[aiotools::main_context]
fn setup() -> u32 {
    Some(1).map(|n| yield_!(n));
}

fn main() {}

#[aiotools::main_context(path = ::aiotools, colour, colour = "red")]
fn setup() -> u32 {
    yield_!(1);
}

fn main() {}

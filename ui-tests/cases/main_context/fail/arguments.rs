#[aiotools::main_context(path = "x", crate = ::aiotools, crate = ::aiotools)]
fn setup() -> u32 {
    yield_!(1);
}

fn main() {}

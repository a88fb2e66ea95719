#[aiotools::main_context]
fn setup() -> std::io::Result<u32> {
    yield_!(1);
}

fn main() {}

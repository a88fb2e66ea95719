#[aiotools::main_context]
fn setup() -> u32 {
    yield_!("one");
}

fn main() {}

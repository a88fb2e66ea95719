#[aiotools::main_context]
fn setup() {}

fn main() {}

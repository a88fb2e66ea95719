#[aiotools::main_context]
enum Setup {}

fn main() {}

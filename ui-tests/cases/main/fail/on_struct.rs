#[aiotools::main]
struct Program;

fn main() {}

use aiotools::defer;

#[defer]
fn work() -> u32 {
    1
}

fn main() {}

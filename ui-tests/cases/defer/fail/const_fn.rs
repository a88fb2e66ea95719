use aiotools::defer;

#[defer]
const fn work() -> u32 {
    defer!(());
    1
}

fn main() {
    let _: u32 = work();
}

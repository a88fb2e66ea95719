use aiotools::defer;

#[defer(local, crate = aiotools)]
fn work() {
    defer!(println!("done"));
}

fn main() {}

use aiotools::adefer;

#[adefer]
fn work() {
    defer!(println!("done"));
}

fn main() {}

use aiotools::adefer;
use std::rc::Rc;

#[adefer]
async fn work() {
    let shared = Rc::new(1);
    defer!(println!("{shared}"));
}

fn main() {}

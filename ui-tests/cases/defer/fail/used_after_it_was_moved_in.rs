use aiotools::defer;

#[defer]
fn work() {
    let text = String::from("done");
    defer!(println!("{text}"));
    println!("{text}");
}

fn main() {}

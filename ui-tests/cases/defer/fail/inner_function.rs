use aiotools::defer;

#[defer]
fn work() {
    fn inner() {
        defer!(println!("inner"));
    }
    #[defer]
    fn own() {
        defer!(println!("own"));
    }
    defer!(println!("work"));
}

fn main() {
    work(); // type-checks all the same
}

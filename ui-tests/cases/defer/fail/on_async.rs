use aiotools::defer;

#[defer]
async fn work() {
    defer!(println!("done"));
}

fn main() {}

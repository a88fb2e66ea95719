#[aiotools::timer(interval = "1s")]
async fn tick(name: &str) {
    println!("{name}");
}

fn main() {}

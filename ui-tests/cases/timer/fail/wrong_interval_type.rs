#[aiotools::timer(interval = "1s")]
async fn tick(interval: u64) {
    println!("{interval}");
}

fn main() {}

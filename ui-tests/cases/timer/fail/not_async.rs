#[aiotools::timer(interval = "1s")]
fn tick() {}

fn main() {
    let _timer = tick();
}

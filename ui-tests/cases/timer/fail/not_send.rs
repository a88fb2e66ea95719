#[aiotools::timer(interval = "1s")]
async fn tick() {
    let held = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(held);
}

fn main() {}

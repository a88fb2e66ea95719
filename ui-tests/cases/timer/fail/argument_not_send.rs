use std::rc::Rc;

#[aiotools::timer(interval = "1s")]
async fn tick(count: Rc<u32>) {
    drop(count);
}

fn main() {}

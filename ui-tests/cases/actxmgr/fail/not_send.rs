use aiotools::actxmgr;

use std::rc::Rc;

#[actxmgr]
async fn number() -> u32 {
    let n = Rc::new(1);
    yield_!(*n);
    drop(n);
}

fn main() {}

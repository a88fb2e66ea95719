use aiotools::actxmgr;

use std::rc::Rc;

#[actxmgr]
async fn number(n: Rc<u32>) -> u32 {
    yield_!(*n);
}

fn main() {}

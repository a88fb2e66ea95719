use aiotools::actxmgr;

use std::rc::Rc;

#[actxmgr]
async fn number() -> Rc<u32> {
    yield_!(Rc::new(1));
}

fn main() {}

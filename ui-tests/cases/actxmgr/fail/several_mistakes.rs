use aiotools::actxmgr;

#[actxmgr(colour = "red", locally, local, local)]
fn number() -> std::rc::Rc<u32> {
    yield_!(std::rc::Rc::new("one"));
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr(local = true)]
async fn number() -> std::rc::Rc<u32> {
    yield_!(std::rc::Rc::new(1));
}

#[actxmgr(scoped = true)]
async fn length(text: &str) -> usize {
    yield_!(text.len());
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    let text = String::new();
    yield_!(1);
    text.
}

fn main() {}

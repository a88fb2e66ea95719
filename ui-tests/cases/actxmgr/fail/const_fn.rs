use aiotools::actxmgr;

#[actxmgr]
const async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

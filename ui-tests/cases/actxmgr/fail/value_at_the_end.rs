use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    yield_!(1);
    2
}

fn main() {}

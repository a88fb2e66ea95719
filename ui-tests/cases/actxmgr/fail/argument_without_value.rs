use aiotools::actxmgr;

#[actxmgr(cleanup_timeout, crate =)]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

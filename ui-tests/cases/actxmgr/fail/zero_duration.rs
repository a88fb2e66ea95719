use aiotools::actxmgr;

#[actxmgr(cleanup_timeout = "0s")]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

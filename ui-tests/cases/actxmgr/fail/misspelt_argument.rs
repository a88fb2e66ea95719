use aiotools::actxmgr;

#[actxmgr(timeout = "5s")]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

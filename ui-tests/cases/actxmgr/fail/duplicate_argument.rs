use aiotools::actxmgr;

#[actxmgr(local, cleanup_timeout = "1s", local, cleanup_timeout = "2s")]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

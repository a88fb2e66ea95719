use aiotools::actxmgr;

#[actxmgr(cleanup_timeout = "soon")]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

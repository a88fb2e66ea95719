use aiotools::actxmgr;

#[actxmgr(local, scoped)]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

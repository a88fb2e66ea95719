use aiotools::actxmgr;

#[actxmgr(local = true, scoped = false)]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr("local", cleanup_timeout = 5, local local, crate = 1)]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr(local, speed = 3)]
async fn number() -> u32 {
    yield_!(1);
}

fn main() {}

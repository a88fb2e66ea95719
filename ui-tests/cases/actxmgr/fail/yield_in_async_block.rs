use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    let give = async { yield_!(1) };
    give.await;
}

fn main() {}

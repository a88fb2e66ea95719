use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    let give = async |n: u32| yield_!(n);
    give(1).await;
}

fn main() {}

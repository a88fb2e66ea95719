use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    async fn give() {
        yield_!(1);
    }
    give().await;
}

fn main() {}

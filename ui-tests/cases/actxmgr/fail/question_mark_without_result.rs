use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    std::fs::read("number")?;
    yield_!(1);
}

fn main() {}

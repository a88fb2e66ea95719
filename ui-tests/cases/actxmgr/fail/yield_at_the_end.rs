use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    yield_!(1)
}

#[actxmgr]
async fn fallible() -> std::io::Result<u32> {
    yield_!(1)
}

fn main() {}

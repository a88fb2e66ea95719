use aiotools::actxmgr;

#[actxmgr]
async fn number() -> std::io::Result<u32> {
    yield_!(1);
    2
}

fn main() {}

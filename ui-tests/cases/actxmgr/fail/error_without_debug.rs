use aiotools::actxmgr;

struct Error;

#[actxmgr]
async fn number() -> Result<u32, Error> {
    yield_!(1);
    Ok(())
}

fn main() {}

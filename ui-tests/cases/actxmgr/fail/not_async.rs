use aiotools::actxmgr;

#[actxmgr]
fn number() -> u32 {
    yield_!(1);
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    let _point = __aiotools_yield_point;
    yield_!(1);
}

fn main() {}

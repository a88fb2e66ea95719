use aiotools::actxmgr;

#[actxmgr]
async fn number(early: bool) -> u32 {
    if early {
        yield_!(1);
    }
    yield_!(2);
}

fn main() {}

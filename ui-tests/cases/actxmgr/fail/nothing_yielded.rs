use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    yield_!();
}

fn main() {}

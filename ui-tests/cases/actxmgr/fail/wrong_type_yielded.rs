use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    yield_!("one");
}

fn main() {}

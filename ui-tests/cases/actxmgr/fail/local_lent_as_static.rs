use aiotools::actxmgr;

#[actxmgr]
async fn number() -> &'static u32 {
    let n = 1;
    yield_!(&n);
}

fn main() {}

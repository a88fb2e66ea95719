use aiotools::actxmgr;

#[actxmgr]
async fn number() -> &mut u32 {
    let mut n = 1;
    yield_!(&mut n);
}

async fn caller() {
    let mut kept = None;
    number().scope(async |n| kept = Some(n)).await;
}

fn main() {}

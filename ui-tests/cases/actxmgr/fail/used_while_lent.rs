use aiotools::actxmgr;

#[actxmgr]
async fn number() -> &mut u32 {
    let mut n = 1;
    let mine = &mut n;
    yield_!(&mut n);
    *mine = 2;
}

fn main() {}

use aiotools::actxmgr;

#[actxmgr(timeout = "5s")]
async fn number() -> u32 {
    yield_!(1);
}

#[actxmgr(scope)]
async fn length(text: &str) -> usize {
    yield_!(text.len());
}

fn main() {}

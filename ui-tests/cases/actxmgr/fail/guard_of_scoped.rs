use aiotools::actxmgr;

#[actxmgr(scoped)]
async fn length(text: &str) -> usize {
    yield_!(text.len());
}

async fn caller() {
    length("abc").await;
}

fn main() {}

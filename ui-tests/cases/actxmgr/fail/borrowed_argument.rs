use aiotools::actxmgr;

#[actxmgr]
async fn text(text: &str) -> usize {
    yield_!(text.len());
}

#[actxmgr(local)]
async fn named<'a>(texts: Vec<&'a str>) -> usize {
    yield_!(texts.len());
}

fn main() {}

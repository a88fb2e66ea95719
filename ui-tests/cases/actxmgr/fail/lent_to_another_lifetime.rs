use aiotools::actxmgr;

#[actxmgr(scoped)]
async fn text<'s>(_short: &'s str) -> &mut &'s str {
    let mut kept: &'static str = "long";
    yield_!(&mut kept);
}

fn main() {}

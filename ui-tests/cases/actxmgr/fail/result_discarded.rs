use aiotools::actxmgr;

#[actxmgr]
async fn number() -> std::io::Result<u32> {
    yield_!(1);
    std::fs::remove_file("number");
}

fn main() {}

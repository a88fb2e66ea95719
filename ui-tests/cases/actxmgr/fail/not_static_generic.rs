use aiotools::actxmgr;

#[actxmgr]
async fn keep<T: Send>(t: T) -> T {
    yield_!(t);
}

fn main() {}

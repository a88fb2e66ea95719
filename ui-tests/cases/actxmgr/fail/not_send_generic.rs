use aiotools::actxmgr;

#[actxmgr]
async fn keep<T: 'static>(t: T) -> T {
    yield_!(t);
}

fn main() {}

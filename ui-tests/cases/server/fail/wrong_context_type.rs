#[aiotools::server]
async fn worker(_index: usize) {
    yield_!();
}

fn main() {}

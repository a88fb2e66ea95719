#[aiotools::server]
async fn worker() {
    yield_!();
}

fn main() {}

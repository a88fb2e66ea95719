use aiotools::adefer;

async fn cleanup(_: &str) {}

#[adefer]
async fn work(text: &str) {
    defer!(cleanup(text));
}

fn main() {}

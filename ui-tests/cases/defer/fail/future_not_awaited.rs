use aiotools::defer;

async fn cleanup() {}

#[defer]
fn work() {
    defer!(cleanup());
}

fn main() {}

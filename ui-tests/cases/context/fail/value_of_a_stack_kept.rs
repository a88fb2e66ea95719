use aiotools::{AsyncExitStack, actxmgr};

#[actxmgr]
async fn text() -> &mut String {
    let mut text = String::new();
    yield_!(&mut text);
}

async fn left() {
    let stack = AsyncExitStack::new();
    let Ok(text) = stack.enter(text()).await;
    let _ = stack.exit().await;
    text.push('a');
}

async fn taken_apart() {
    let mut stack = AsyncExitStack::new();
    let Ok(text) = stack.enter(text()).await;
    let other = stack.pop_all();
    text.push('a');
    drop(other);
}

fn main() {}

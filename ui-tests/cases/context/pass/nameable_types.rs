//! Guards of groups and stacks can be kept in a struct.

use std::convert::Infallible;

use aiotools::context::{GroupGuard, Mut};
use aiotools::{AsyncExitStack, actxgroup, actxmgr};

#[actxmgr]
async fn text() -> &mut String {
    let mut text = String::new();
    yield_!(&mut text);
}

struct Service {
    texts: GroupGuard<Mut<String>, Infallible>,
    stack: AsyncExitStack,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Ok(texts) = actxgroup([text(), text()]).await;
    let stack = AsyncExitStack::new();
    let Ok(_) = stack.enter(text()).await;
    let mut service = Service { texts, stack };
    service.texts[1].push('a');
    let Ok(()) = service.texts.exit().await;
    service.stack.exit().await.unwrap();
}

//! How the size of a future grows with the layers around it.
//!
//! A closure that holds a future by value and awaits it is, for rustc, a future that holds it twice: as what was captured, and as
//! what is awaited. That factor of two per level is the user's code; the library's layers must add to it and not multiply it.

use aiotools::{TaskGroup, TaskScope, actxmgr, move_on_after, shield, timeout};

use crate::support::ms;

#[actxmgr]
async fn manager() {
    yield_!();
}

#[actxmgr(scoped)]
async fn scoped() {
    yield_!();
}

fn leaf() -> impl Future<Output = ()> {
    let kept = [0_u8; 64];
    async move {
        std::future::pending::<()>().await;
        assert_eq!(kept[0], 0);
    }
}

/// The sizes for no layer, and 1 to 5.
macro_rules! sizes {
    (|$inner:ident| $layer:expr) => {{
        let $inner = leaf();
        let zero = size_of_val(&$inner);
        let $inner = $layer;
        let one = size_of_val(&$inner);
        let $inner = $layer;
        let two = size_of_val(&$inner);
        let $inner = $layer;
        let three = size_of_val(&$inner);
        let $inner = $layer;
        let four = size_of_val(&$inner);
        let $inner = $layer;
        [zero, one, two, three, four, size_of_val(&$inner)]
    }};
}

fn check(what: &str, sizes: [usize; 6], times: usize, own: usize) {
    println!("{what:<22} {sizes:?}");
    for pair in sizes.windows(2) {
        assert!(
            pair[1] <= times * pair[0] + own,
            "{what}: {sizes:?}, more than {times} times and {own}"
        );
    }
}

#[test]
#[allow(clippy::redundant_async_block, reason = "to see what it costs")]
fn layers_do_not_multiply() {
    let body = sizes!(|inner| { async move { inner.await } });
    println!("{:<22} {body:?}", "(an async block)");
    check(
        "future in TaskGroup",
        sizes!(|inner| { TaskGroup::scope(async |_| Ok(inner.await)).then_drop() }),
        2,
        512,
    );
    check(
        "future in TaskScope",
        sizes!(|inner| { TaskScope::scope(async |_| inner.await) }),
        2,
        512,
    );
    check(
        "with a timeout",
        sizes!(|inner| {
            TaskScope::builder()
                .timeout(ms(1))
                .scope(async |_| inner.await)
                .then_drop()
        }),
        2,
        512,
    );
    check(
        "move_on_after",
        sizes!(|inner| { move_on_after(ms(1), async |_| inner.await).then_drop() }),
        2,
        512,
    );
    check(
        "timeout",
        sizes!(|inner| { timeout(ms(1), inner).then_drop() }),
        1,
        128,
    );
    check("shield", sizes!(|inner| { shield(inner) }), 1, 64);
    check(
        "Manager::scope",
        sizes!(|inner| { manager().scope(async |()| inner.await) }),
        4,
        512,
    );
    check(
        "ScopedManager::scope",
        sizes!(|inner| { scoped().scope(async |()| inner.await) }),
        4,
        512,
    );
}

/// Drops what a future gives, without a copy of it.
trait ThenDrop: Future + Sized {
    fn then_drop(self) -> impl Future<Output = ()> {
        futures::FutureExt::map(self, drop)
    }
}

impl<F: Future> ThenDrop for F {}

/// rustc gives up where a type is more than 128 layers deep, and each future in a future adds some of them.
#[tokio::test]
async fn layers_are_few_enough_to_nest() {
    macro_rules! nest {
        () => { async { tokio::task::yield_now().await } };
        (manager $($rest:ident)*) => { async { manager().scope(async |()| nest!($($rest)*).await).await } };
        (scoped $($rest:ident)*) => { async { scoped().scope(async |()| nest!($($rest)*).await).await } };
        (group $($rest:ident)*) => {
            async { TaskGroup::scope(async |_| Ok(nest!($($rest)*).await)).await.unwrap() }
        };
    }
    nest!(manager manager manager manager manager manager manager manager manager manager).await;
    nest!(scoped scoped scoped scoped scoped scoped scoped scoped scoped scoped).await;
    nest!(group group group group group group group group).await;
    nest!(group manager group scoped group manager group scoped).await;
}

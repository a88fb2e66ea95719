//! What entering and leaving a manager costs in allocations: at most one for a default manager, none for
//! a scoped one. In a binary of its own, for the allocator; one test, for the counter.

#![deny(warnings)]
#![allow(missing_docs, reason = "tests")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use aiotools::{AsyncExitStack, Exit, actxmgr};
use tokio::task::yield_now;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Not there while the thread ends.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as our caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as our caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[actxmgr]
async fn ready() -> u32 {
    yield_!(1);
}

#[actxmgr]
async fn suspending() -> u32 {
    yield_now().await;
    yield_!(1);
    yield_now().await;
}

#[actxmgr]
async fn fallible(fail: Option<Exit>) -> Result<u32, u8> {
    yield_now().await;
    if yield_!(1) == fail.unwrap_or(Exit::Panicked) {
        return Err(5);
    }
    Ok(())
}

#[actxmgr]
async fn lent() -> &mut [u8; 256] {
    let mut buffer = [0; 256];
    yield_now().await;
    yield_!(&mut buffer);
    yield_now().await;
}

#[actxmgr(local, cleanup_timeout = "5s")]
async fn local() -> (u32, &u32) {
    let n = 5;
    yield_now().await;
    yield_!((1, &n));
}

#[actxmgr(scoped)]
async fn scoped(n: &Cell<u32>) -> &mut u32 {
    let mut m = n.get();
    yield_now().await;
    yield_!(&mut m);
    yield_now().await;
    n.set(m);
}

#[actxmgr(scoped)]
async fn scoped_fallible(n: &Cell<u32>, fail: bool) -> Result<u32, u8> {
    yield_now().await;
    yield_!(n.get());
    if fail { Err(5) } else { Ok(()) }
}

/// Allocations per round, after a first one that may fill caches.
async fn allocations(mut round: impl AsyncFnMut()) -> usize {
    const ROUNDS: usize = 100;
    for _ in 0..2 {
        round().await;
    }
    let before = COUNT.get();
    for _ in 0..ROUNDS {
        round().await;
    }
    let counted = COUNT.get() - before;
    assert_eq!(
        counted % ROUNDS,
        0,
        "each round costs the same: {counted} in {ROUNDS}"
    );
    counted / ROUNDS
}

async fn measure() {
    // The counter works.
    assert_eq!(allocations(async || drop(Box::new(1))).await, 1);
    assert_eq!(allocations(async || yield_now().await).await, 0);

    // The guard form.
    assert_eq!(allocations(async || ready().await.exit().await).await, 1);
    assert_eq!(
        allocations(async || suspending().await.exit().await).await,
        1
    );
    let failed = async || {
        let guard = fallible(Some(Exit::Failed)).await.unwrap();
        assert_eq!(guard.exit_with(Exit::Failed).await, Err(5));
    };
    assert_eq!(allocations(failed).await, 1);
    let filled = async || {
        let mut guard = lent().await;
        guard[0] = 1;
        guard.exit().await;
    };
    assert_eq!(allocations(filled).await, 1);
    assert_eq!(allocations(async || local().await.exit().await).await, 1);

    // The scope form.
    assert!(allocations(async || ready().scope(async |_| ()).await).await <= 1);
    assert!(allocations(async || suspending().scope(async |_| yield_now().await).await).await <= 1);
    let completed = async || {
        let got = fallible(None).try_scope(async |n| Ok::<_, u8>(n)).await;
        assert_eq!(got, Ok(1));
    };
    assert!(allocations(completed).await <= 1);
    let refused = async || {
        let got = fallible(None).try_scope(async |_| Err::<(), u8>(6)).await;
        assert_eq!(got, Err(6));
    };
    assert!(allocations(refused).await <= 1);
    assert!(allocations(async || lent().scope(async |buffer| buffer[0] = 1).await).await <= 1);
    assert!(allocations(async || local().scope(async |(_, _)| ()).await).await <= 1);

    // A stack: one for each entry, and one for the stack.
    let callbacks = async || {
        let stack = AsyncExitStack::new();
        for _ in 0..8 {
            stack.push_async_callback(async |_| yield_now().await);
        }
        stack.exit().await.unwrap();
    };
    assert_eq!(allocations(callbacks).await, 9);
    let managers = async || {
        let stack = AsyncExitStack::new();
        for _ in 0..8 {
            stack.enter(lent()).await.unwrap();
        }
        stack.exit().await.unwrap();
    };
    assert_eq!(allocations(managers).await, 9);

    // Scoped managers.
    let n = Cell::new(0);
    assert_eq!(
        allocations(async || scoped(&n).scope(async |n| *n += 1).await).await,
        0
    );
    assert!(n.get() > 100);
    let refused = async || {
        let got = scoped_fallible(&n, true)
            .scope(async |_| yield_now().await)
            .await;
        assert_eq!(got, Err(5));
    };
    assert_eq!(allocations(refused).await, 0);
    let refused = async || {
        let got = scoped_fallible(&n, false)
            .try_scope(async |_| Err::<(), u8>(6))
            .await;
        assert_eq!(got, Err(6));
    };
    assert_eq!(allocations(refused).await, 0);
    // Also when it is cut.
    let cut = async || {
        let mut scope =
            std::pin::pin!(scoped(&n).scope(async |_| std::future::pending::<()>().await));
        assert!(futures::poll!(&mut scope).is_pending());
    };
    assert_eq!(allocations(cut).await, 0);
}

#[test]
fn allocations_of_managers() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure());
    // The future itself stays on this thread; entering looks at the multi-thread runtime.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure());
}

//! What a child allocates: one piece of memory, tokio's own, with or without a handle, parked or not.
#![allow(clippy::unit_arg, reason = "`Ok(drop(..))` is how a short body ends")]
#![expect(unsafe_code, reason = "a counting allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    future::Future,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use aiotools::TaskGroup;

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const N: usize = 1000;

fn on_one_thread<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Allocations that grow with the number of children, per child.
fn per_child(run: impl AsyncFn(usize)) -> f64 {
    on_one_thread(async {
        run(N).await;
        let mut counts = [0, 0];
        for (count, n) in counts.iter_mut().zip([N, 2 * N]) {
            let before = CALLS.load(Relaxed);
            run(n).await;
            *count = CALLS.load(Relaxed) - before;
        }
        (counts[1] - counts[0]) as f64 / N as f64
    })
}

fn bytes_of_parked<const SIZE: usize>(group: bool) -> usize {
    async fn parked<const SIZE: usize>() {
        let held = [1_u8; SIZE];
        std::future::pending::<()>().await;
        std::hint::black_box(held);
    }
    on_one_thread(async {
        if group {
            let mut parked_bytes = 0;
            let _ = TaskGroup::scope(async |tg| {
                drop(tg.spawn(parked::<SIZE>()));
                tokio::task::yield_now().await;
                let before = BYTES.load(Relaxed);
                drop(tg.spawn(parked::<SIZE>()));
                tokio::task::yield_now().await;
                parked_bytes = BYTES.load(Relaxed) - before;
                tg.cancel();
                Ok(())
            })
            .await;
            parked_bytes
        } else {
            tokio::spawn(parked::<SIZE>());
            tokio::task::yield_now().await;
            let before = BYTES.load(Relaxed);
            tokio::spawn(parked::<SIZE>());
            tokio::task::yield_now().await;
            BYTES.load(Relaxed) - before
        }
    })
}

// One test: the counters belong to the process.
#[test]
fn one_allocation_per_child() {
    let ready = per_child(async |n| {
        TaskGroup::scope(async |tg| Ok((0..n).for_each(|_| drop(tg.spawn(async {})))))
            .await
            .unwrap();
    });
    assert!(ready < 1.01, "ready at once: {ready}");
    let yielding = per_child(async |n| {
        TaskGroup::scope(async |tg| {
            Ok((0..n).for_each(|_| drop(tg.spawn(tokio::task::yield_now()))))
        })
        .await
        .unwrap();
    });
    assert!(yielding < 1.01, "one yield: {yielding}");
    let awaited = per_child(async |n| {
        TaskGroup::scope(async |tg| {
            for _ in 0..n {
                tg.spawn(async { Ok::<_, std::io::Error>(1_u64) }).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    });
    assert!(awaited < 1.01, "with a handle: {awaited}");
    let cancelled = per_child(async |n| {
        let _ = TaskGroup::scope(async |tg| {
            (0..n).for_each(|_| drop(tg.spawn(std::future::pending::<()>())));
            tokio::task::yield_now().await;
            tg.cancel();
            Ok(())
        })
        .await;
    });
    assert!(cancelled < 1.05, "parked and cancelled: {cancelled}");

    fn over<const SIZE: usize>() -> (usize, isize) {
        (
            SIZE,
            bytes_of_parked::<SIZE>(true).cast_signed()
                - bytes_of_parked::<SIZE>(false).cast_signed(),
        )
    }
    let over = [
        over::<16>(),
        over::<32>(),
        over::<64>(),
        over::<90>(),
        over::<200>(),
    ];
    println!("a parked child over a raw spawn, bytes by size of the future: {over:?}");
    for (size, over) in over {
        assert!(over <= 128, "{size}: {over}");
        assert!(!(32..=94).contains(&size) || over == 0, "{size}: {over}");
    }
}

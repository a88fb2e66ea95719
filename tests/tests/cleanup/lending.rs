use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aiotools::{actxmgr, cleanup};
use tokio::task::yield_now;

use crate::{alone, multi_thread};

/// Says when it is borrowed; the cleanup looks whether it still is.
#[derive(Default)]
struct Shelf {
    books: Vec<u64>,
    in_use: Arc<AtomicBool>,
}

struct Reader<'a> {
    shelf: &'a mut Shelf,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // Touches what is lent, the last time that this is allowed.
        self.shelf.books.push(1);
        self.shelf.in_use.store(false, Ordering::Release);
    }
}

#[actxmgr]
async fn shelf() -> &mut Shelf {
    let mut shelf = Shelf::default();
    shelf.books = vec![0; 16];
    let in_use = shelf.in_use.clone();
    yield_!(&mut shelf);
    assert!(
        !in_use.load(Ordering::Acquire),
        "lent, and cleaned up at the same time"
    );
    shelf.books.clear();
    shelf.books.shrink_to_fit();
    yield_now().await;
    assert!(
        !in_use.load(Ordering::Acquire),
        "lent, and cleaned up at the same time"
    );
}

/// Scopes that are aborted at random times: what the body has borrowed is given back before another
/// thread may clean up.
#[test]
fn cleanup_begins_when_nothing_is_lent() {
    const ROUNDS: u32 = 2000;
    let _alone = alone();
    let before = cleanup::stats();
    let runtime = multi_thread();
    runtime.block_on(async {
        for round in 0..ROUNDS {
            let task = tokio::spawn(shelf().scope(async |shelf| {
                shelf.in_use.store(true, Ordering::Release);
                let reader = Reader { shelf };
                loop {
                    reader.shelf.books.push(2);
                    yield_now().await;
                    if reader.shelf.books.len() > 64 {
                        break;
                    }
                }
            }));
            for _ in 0..round % 7 {
                yield_now().await;
            }
            task.abort();
            drop(task.await);
        }
        assert!(cleanup::drain(Duration::from_secs(60)).await.is_complete());
    });
    let after = cleanup::stats();
    assert_eq!(after.cleanup_panics, before.cleanup_panics);
    assert_eq!(after.abandoned, before.abandoned);
}

/// The same for a guard that is used on one thread and dropped on another.
#[test]
fn cleanup_of_guards_that_move_between_threads() {
    const ROUNDS: u32 = 1000;
    let _alone = alone();
    let before = cleanup::stats();
    let runtime = multi_thread();
    runtime.block_on(async {
        let (send, mut receive) = tokio::sync::mpsc::channel(4);
        let user = tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let mut guard = shelf().await;
                guard.books.push(3);
                yield_now().await;
                guard.with_async(async |shelf| shelf.books.push(4)).await;
                send.send(guard).await.unwrap();
            }
        });
        let mut n = 0_u32;
        while let Some(mut guard) = receive.recv().await {
            assert_eq!(guard.books.len(), 18);
            guard.books.push(5);
            n += 1;
            match n % 3 {
                0 => guard.exit().await,
                1 => drop(guard),
                _ => drop(guard.exit()),
            }
        }
        user.await.unwrap();
        assert!(cleanup::drain(Duration::from_secs(60)).await.is_complete());
    });
    assert_eq!(cleanup::stats().cleanup_panics, before.cleanup_panics);
}

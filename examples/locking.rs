//! A context manager around a lock: however the body ends, the lock is given back.
//!
//! ```sh
//! cargo run --example locking
//! ```
//!
//! Prints what three bodies see: one that ends, one that fails (`caught: oops`), and one that is cancelled by a
//! timeout. Ends by itself, with `the lock is free`, and checks what it prints.

use std::sync::Arc;
use std::time::Duration;

use aiotools::{BoxError, Exit, actxmgr, cleanup};
use tokio::sync::Semaphore;

/// Takes the lock, yields `a + 1`, and gives the lock back, after a last word that needs an `.await`.
#[actxmgr]
async fn locked(lock: Arc<Semaphore>, a: i32) -> Result<i32, BoxError> {
    lock.acquire().await?.forget();
    println!("locked");
    let exit: Exit = yield_!(a + 1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    lock.add_permits(1);
    println!("unlocked, because the body {}", told(exit));
    Ok(())
}

fn told(exit: Exit) -> &'static str {
    match exit {
        Exit::Completed => "has ended",
        Exit::Failed => "has failed",
        _ => "was cancelled",
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let lock = Arc::new(Semaphore::new(1));

    let b = locked(lock.clone(), 1).scope(async |b| b).await?;
    assert_eq!((b, lock.available_permits()), (2, 1));

    let failed: Result<(), BoxError> = locked(lock.clone(), 1)
        .try_scope(async |_| Err("oops".into()))
        .await;
    let error = failed.expect_err("the body has failed");
    println!("caught: {error}");
    assert_eq!(lock.available_permits(), 1);

    // A timeout drops the body in the middle; the lock is given back in the background.
    let body = locked(lock.clone(), 1).scope(async |_| std::future::pending::<()>().await);
    assert!(
        tokio::time::timeout(Duration::from_millis(10), body)
            .await
            .is_err()
    );
    let drained = cleanup::drain(Duration::from_secs(10)).await;
    assert!(drained.is_complete(), "{drained}");

    assert_eq!(lock.available_permits(), 1);
    println!("the lock is free");
    Ok(())
}

//! Ten managers as one: entered all at once, left all at once.
//!
//! ```sh
//! cargo run --example context_group
//! ```
//!
//! Each takes 100 ms to enter and 100 ms to leave, and so do all ten together. Then one of them cannot be entered, and
//! those that could be are left again; and last the form that goes on without it. Ends by itself with `done`, and checks
//! what it prints.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use aiotools::{actxgroup, actxmgr};
use tokio::time::sleep;

/// Counts itself as open for as long as it is.
#[actxmgr]
async fn member(a: i32, open: Arc<AtomicU32>) -> Result<i32, String> {
    sleep(Duration::from_millis(100)).await;
    if a == 13 {
        return Err(format!("there is no member {a}"));
    }
    open.fetch_add(1, Relaxed);
    yield_!(a + 10);
    sleep(Duration::from_millis(100)).await;
    open.fetch_sub(1, Relaxed);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let open = Arc::new(AtomicU32::new(0));
    let group = |members: std::ops::Range<i32>| actxgroup(members.map(|a| member(a, open.clone())));

    let start = Instant::now();
    let values = group(0..10).await?;
    for i in 0..10 {
        assert_eq!(values[i as usize], i + 10);
    }
    println!("{} are open", open.load(Relaxed));
    assert_eq!(open.load(Relaxed), 10);
    values.exit().await?;
    println!("{} are open, after about 200 ms", open.load(Relaxed));
    assert_eq!(open.load(Relaxed), 0);
    // Far less than one after the other would take, also on a busy machine.
    assert!(start.elapsed() < Duration::from_millis(1500));

    // All or nothing: when the error comes out, nobody is left open.
    let error = group(10..15).await.expect_err("13 cannot be entered");
    println!("not entered: {error}; {} are open", open.load(Relaxed));
    assert_eq!(open.load(Relaxed), 0);

    // Each for itself.
    let values = group(12..15).settle().await;
    for value in values.iter() {
        match value {
            Ok(value) => println!("entered: {value}"),
            Err(error) => println!("not entered: {error}"),
        }
    }
    assert_eq!(open.load(Relaxed), 2);
    assert!(values.exit().await.iter().all(Result::is_ok));
    assert_eq!(open.load(Relaxed), 0);
    println!("done");
    Ok(())
}

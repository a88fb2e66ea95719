//! What `#[aiotools::test]` expands to.

use std::{future::Future, time::Duration};

use super::Flavor;

/// Runs a test in real time.
///
/// # Panics
///
/// If it takes longer than `timeout`.
pub fn run_test<F: Future>(flavor: Flavor, timeout: Option<Duration>, test: F) -> F::Output {
    let runtime = flavor.build();
    // On the heap: a test thread has little stack.
    let test = Box::pin(test);
    let ended = runtime.block_on(async {
        let Some(limit) = timeout else {
            return Ok(test.await);
        };
        // By reference: what it waits for is in the tree as long as it is there.
        let mut test = test;
        let ended = tokio::time::timeout(limit, test.as_mut()).await;
        ended.map_err(|_| {
            let dump = crate::task::dump();
            format!("this test did not end within {limit:?}\n\n{dump}")
        })
    });
    match ended {
        Ok(output) => output,
        Err(why) => {
            // A failure is not to wait for blocking work, which may never end.
            runtime.shutdown_background();
            panic!("{why}")
        }
    }
}

/// Runs a test under a virtual clock.
///
/// # Panics
///
/// If it takes longer than `timeout`, or can never end.
#[cfg(feature = "test-util")]
pub fn run_virtual_test<F: Future>(timeout: Option<Duration>, test: F) -> F::Output {
    let mut clock = crate::VirtualClock::builder();
    if let Some(timeout) = timeout {
        clock = clock.timeout(timeout);
    }
    clock.run(Box::pin(test))
}

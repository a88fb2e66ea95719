use std::time::Duration;

use aiotools::cleanup::{Stats, drain, stats};
use aiotools::{Exit, actxmgr};
use tokio::task::yield_now;

use crate::{alone, multi_thread, paused};

#[actxmgr]
async fn plain() {
    yield_!();
    yield_now().await;
}

/// What was counted since `before`.
fn since(before: Stats) -> [u64; 9] {
    let now = stats();
    assert_eq!(now.outstanding, 0);
    [
        now.completed - before.completed,
        now.failed - before.failed,
        now.panicked - before.panicked,
        now.cancelled - before.cancelled,
        now.detached - before.detached,
        now.abandoned - before.abandoned,
        now.timed_out - before.timed_out,
        now.cleanup_panics - before.cleanup_panics,
        now.outstanding,
    ]
}

/// Each way to leave is counted, once.
#[test]
fn cleanup_stats_count_each_way() {
    #[actxmgr]
    async fn panicking() {
        yield_!();
        panic!("cleanup");
    }
    #[actxmgr(cleanup_timeout = "1s")]
    async fn endless() {
        yield_!();
        std::future::pending::<()>().await;
    }
    #[actxmgr(scoped)]
    async fn cut(_: &str) {
        yield_!();
        yield_now().await;
    }
    let _alone = alone();
    paused().block_on(async {
        let zero = [0; 9];
        let drained = async || assert!(drain(Duration::from_secs(60)).await.is_complete());

        let before = stats();
        drop(plain());
        drop(plain().enter());
        assert_eq!(since(before), zero, "not entered");
        plain().scope(async |()| ()).await;
        plain().await.exit().await;
        assert_eq!(since(before), [2, 0, 0, 0, 0, 0, 0, 0, 0]);

        let before = stats();
        assert!(
            plain()
                .try_scope(async |()| Err::<(), ()>(()))
                .await
                .is_err()
        );
        plain().await.exit_with(Exit::Failed).await;
        assert_eq!(since(before), [0, 2, 0, 0, 0, 0, 0, 0, 0]);

        let before = stats();
        let body = tokio::spawn(plain().scope(async |()| panic!("body")));
        assert!(body.await.is_err());
        assert_eq!(since(before), [0, 0, 1, 0, 0, 0, 0, 0, 0]);

        let before = stats();
        drop(plain().await);
        assert_eq!(stats().outstanding, 1);
        drained().await;
        assert_eq!(since(before), [0, 0, 0, 1, 1, 0, 0, 0, 0]);

        let before = stats();
        drop(plain().await.exit());
        drained().await;
        assert_eq!(since(before), [1, 0, 0, 0, 1, 0, 0, 0, 0]);

        let before = stats();
        let cleanup = tokio::spawn(async { panicking().await.exit().await });
        assert!(cleanup.await.is_err());
        drop(panicking().await);
        drained().await;
        assert_eq!(since(before), [1, 0, 0, 1, 1, 0, 0, 2, 0]);

        let before = stats();
        endless().await.exit().await;
        drop(endless().await);
        drained().await;
        assert_eq!(since(before), [1, 0, 0, 1, 1, 0, 2, 0, 0]);

        let before = stats();
        assert!(futures::poll!(Box::pin(cut("").scope(async |()| yield_now().await))).is_pending());
        assert_eq!(since(before), [0, 0, 0, 1, 0, 1, 0, 0, 0]);
    });
}

/// Nothing is lost when the threads that counted end.
#[test]
fn cleanup_stats_add_up_over_threads_that_ended() {
    const THREADS: u64 = 8;
    const EACH: u64 = 50;
    let _alone = alone();
    let before = stats();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..EACH {
                    futures::executor::block_on(plain().scope(async |()| ()));
                    let at_any_time = stats();
                    assert!(at_any_time.completed > 0);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(since(before), [THREADS * EACH, 0, 0, 0, 0, 0, 0, 0, 0]);

    let before = stats();
    let runtime = multi_thread();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..EACH)
            .map(|_| tokio::spawn(async { drop(plain().await) }))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(drain(Duration::from_secs(60)).await.is_complete());
    });
    drop(runtime);
    assert_eq!(since(before), [0, 0, 0, EACH, EACH, 0, 0, 0, 0]);
}

/// A guard in a thread-local is dropped while its thread ends: it still counts, and cleans up.
#[test]
fn cleanup_stats_count_while_a_thread_ends() {
    use std::any::Any;
    use std::cell::RefCell;

    thread_local! {
        static KEPT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
    }
    let _alone = alone();
    let before = stats();
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    std::thread::spawn(move || {
        KEPT.set(None); // registers its destructor before those of the library
        let guard = handle.block_on(plain().enter());
        KEPT.set(Some(Box::new(guard)));
    })
    .join()
    .unwrap();
    assert!(
        runtime
            .block_on(drain(Duration::from_secs(60)))
            .is_complete()
    );
    assert_eq!(since(before), [0, 0, 0, 1, 1, 0, 0, 0, 0]);
}

//! The same work in the hands of each peer: start `n` tasks, wait until all have ended.

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aiotools::TaskGroup;
use async_scoped::TokioScope;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// It is over at its first poll.
    Ready,
    /// It yields once.
    Yield,
}

impl Child {
    /// The work itself.
    pub async fn run(self) {
        if self == Self::Yield {
            tokio::task::yield_now().await;
        }
        black_box(());
    }
}

/// The least that anything which waits for tasks can do: `tokio::spawn`, one atomic, one waker.
pub async fn floor(n: usize, kind: Child) {
    let left = Arc::new((AtomicUsize::new(n), Notify::new()));
    for _ in 0..n {
        let left = left.clone();
        tokio::spawn(async move {
            kind.run().await;
            if left.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                left.1.notify_one();
            }
        });
    }
    left.1.notified().await;
}

/// `tokio::spawn` and a vector of handles.
pub async fn join_handles(n: usize, kind: Child) {
    let handles: Vec<_> = (0..n).map(|_| tokio::spawn(kind.run())).collect();
    for handle in handles {
        handle.await.expect("no task panics");
    }
}

/// `futures::future::join_all` over spawned tasks.
pub async fn join_all(n: usize, kind: Child) {
    let handles = (0..n).map(|_| tokio::spawn(kind.run()));
    black_box(futures::future::join_all(handles).await);
}

/// tokio's `JoinSet`.
pub async fn join_set(n: usize, kind: Child) {
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn(kind.run());
    }
    while let Some(done) = set.join_next().await {
        done.expect("no task panics");
    }
}

/// tokio-util's `TaskTracker`: no cancellation, no errors.
pub async fn tracker(n: usize, kind: Child) {
    let tracker = TaskTracker::new();
    for _ in 0..n {
        tracker.spawn(kind.run());
    }
    tracker.close();
    tracker.wait().await;
}

/// `TaskTracker` and a child token for each task: the nearest in function to a group.
pub async fn tracker_with_child_tokens(n: usize, kind: Child) {
    let tracker = TaskTracker::new();
    let token = CancellationToken::new();
    for _ in 0..n {
        let token = token.child_token();
        tracker.spawn(async move { token.run_until_cancelled(kind.run()).await });
    }
    tracker.close();
    tracker.wait().await;
}

/// async-scoped: children that borrow what stands in the function that starts them. Safe code has that only where the thread is blocked
/// until they are done.
#[expect(unsafe_code, reason = "the scope of async-scoped that does not block")]
pub async fn scoped(n: usize, kind: Child) {
    let borrowed = &kind;
    // SAFETY: the future is awaited where it is made, by a task that nothing cancels or forgets.
    let ((), done) = unsafe {
        TokioScope::scope_and_collect(|scope| {
            for _ in 0..n {
                scope.spawn(async { borrowed.run().await });
            }
        })
    }
    .await;
    black_box(done);
}

/// A group whose handles are dropped at once.
pub async fn group(n: usize, kind: Child) {
    TaskGroup::scope(async |tg| {
        for _ in 0..n {
            drop(tg.spawn(kind.run()));
        }
        Ok(())
    })
    .await
    .expect("no task fails");
}

/// A group whose handles are kept and awaited.
pub async fn group_with_handles(n: usize, kind: Child) {
    TaskGroup::scope(async |tg| {
        let handles: Vec<_> = (0..n).map(|_| tg.spawn(kind.run())).collect();
        for handle in handles {
            handle.await?;
        }
        Ok(())
    })
    .await
    .expect("no task fails");
}

/// `gather`.
pub async fn gather(n: usize, kind: Child) {
    black_box(aiotools::gather((0..n).map(|_| kind.run())).await);
}

/// A group in a child of a group, and so on, `depth` of them; the innermost child yields once, so that each level has a child to wait
/// for.
pub fn nest(depth: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return tokio::task::yield_now().await;
        }
        TaskGroup::scope(async |tg| {
            tg.spawn(nest(depth - 1)).await?;
            Ok(())
        })
        .await
        .expect("no task fails");
    })
}

async fn parked() {
    std::future::pending::<()>().await;
}

/// Waits until tasks that have just been started are parked.
#[derive(Clone, Copy, Debug)]
pub enum Settle {
    /// By yielding to them, on the runtime that runs all of them.
    Yield,
    /// By so many short sleeps, on whatever worker they are.
    Sleep(Duration),
}

impl Settle {
    /// Gives the time at which it is done.
    async fn wait(self) -> Instant {
        for _ in 0..10 {
            match self {
                Self::Yield => tokio::task::yield_now().await,
                Self::Sleep(time) => tokio::time::sleep(time).await,
            }
        }
        Instant::now()
    }
}

/// `JoinSet::shutdown` of `n` parked tasks: how long it takes until they are gone.
pub async fn shut_down_join_set(n: usize, settle: Settle) -> Duration {
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn(parked());
    }
    let start = settle.wait().await;
    set.shutdown().await;
    start.elapsed()
}

/// A token shared by `n` parked tasks in a `TaskTracker`.
pub async fn cancel_shared_token(n: usize, settle: Settle) -> Duration {
    cancel_tokens(n, settle, CancellationToken::clone).await
}

/// A child token for each of `n` parked tasks in a `TaskTracker`.
pub async fn cancel_child_tokens(n: usize, settle: Settle) -> Duration {
    cancel_tokens(n, settle, CancellationToken::child_token).await
}

async fn cancel_tokens(
    n: usize,
    settle: Settle,
    of: fn(&CancellationToken) -> CancellationToken,
) -> Duration {
    let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
    for _ in 0..n {
        let token = of(&token);
        tracker.spawn(async move { token.run_until_cancelled(parked()).await });
    }
    let start = settle.wait().await;
    token.cancel();
    tracker.close();
    tracker.wait().await;
    start.elapsed()
}

/// `TaskGroup::cancel` with `n` parked children.
pub async fn cancel_group(n: usize, settle: Settle) -> Duration {
    let mut start = Instant::now();
    let _ = TaskGroup::scope(async |tg| {
        for _ in 0..n {
            drop(tg.spawn(parked()));
        }
        start = settle.wait().await;
        tg.cancel();
        Ok(())
    })
    .await;
    start.elapsed()
}

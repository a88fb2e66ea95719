use std::convert::Infallible;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aiotools::{
    AsyncClose, AsyncContextManager, AsyncExitStack, BoxError, Exit, TaskContext, TaskGroup,
    actxgroup, as_completed, closing,
};
use aiotools_tests::reports::{Kind, keep_reports, kinds};
use aiotools_tests::trace::Trace;
use futures::{FutureExt, Stream, StreamExt};
use tokio::time::{Instant, sleep, timeout};

const MS: Duration = Duration::from_millis(1);

/// Lets what is in the background come to its end. Not `drain`, which waits for other tests too.
async fn settled() {
    sleep(Duration::from_secs(60)).await;
}

#[derive(Debug)]
struct Connection {
    trace: Trace,
    fails: bool,
    sent: u32,
}

impl Connection {
    fn new(trace: &Trace) -> Self {
        Self {
            trace: trace.clone(),
            fails: false,
            sent: 0,
        }
    }
}

impl AsyncClose for Connection {
    type Error = String;

    const NAME: &'static str = "test::Connection";

    async fn close(&mut self) -> Result<(), String> {
        sleep(200 * MS).await;
        self.trace.push(format!("closed after {}", self.sent));
        if self.fails {
            Err("reset".into())
        } else {
            Ok(())
        }
    }
}

/// It is closed once, whatever the way in which it is left.
#[tokio::test(start_paused = true)]
async fn closing_whatever_the_way() {
    let trace = Trace::new();
    let mut connection = closing(Connection::new(&trace));
    connection.sent += 1;
    assert_eq!(connection.exit().await, Ok(()));
    assert_eq!(trace, ["closed after 1"]);

    let ways = async |way: u32| {
        let connection = closing(Connection::new(&trace));
        let cut = async {
            match way {
                0 => drop(connection),
                1 => drop(connection.exit()),
                2 => assert!(timeout(MS, connection.exit()).await.is_err()),
                3 => drop(connection.await),
                4 => drop(connection.scope(async |_| ())),
                5 => {
                    let scope = connection.scope(async |_| pending::<()>().await);
                    assert!(timeout(MS, scope).await.is_err());
                }
                6 => {
                    let scope = connection.try_scope(async |_| Err::<(), BoxError>("body".into()));
                    assert!(scope.await.is_err());
                }
                7 => drop(connection.manager()),
                8 => {
                    let stack = AsyncExitStack::new();
                    stack.enter(connection).await.unwrap().sent = 0;
                    stack.exit().await.unwrap();
                }
                9 => drop(actxgroup([connection]).await.unwrap()),
                _ => {
                    let scope = connection.scope(async |_| panic!("body"));
                    assert!(AssertUnwindSafe(scope).catch_unwind().await.is_err());
                }
            }
        };
        cut.await;
        settled().await;
    };
    for way in 0..=10 {
        ways(way).await;
        assert_eq!(trace.events().len(), way as usize + 2, "{way}");
    }
    let inner = closing(Connection::new(&trace)).into_inner();
    drop(inner);
    settled().await;
    assert_eq!(trace.events().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn closing_that_fails() {
    keep_reports();
    let trace = Trace::new();
    let failing = || {
        closing(Connection {
            fails: true,
            ..Connection::new(&trace)
        })
    };
    assert_eq!(failing().exit().await, Err("reset".into()));
    assert_eq!(failing().scope(async |_| ()).await, Err("reset".into()));
    assert_eq!(kinds("Connection"), []);
    drop(failing());
    settled().await;
    drop(failing().exit_with(Exit::Failed));
    settled().await;
    assert_eq!(
        kinds("Connection"),
        [(Kind::Error, Exit::Cancelled), (Kind::Error, Exit::Failed)]
    );
}

/// Numbers, one every 100 ms; its own cleanup takes 200 ms.
struct Numbers {
    next: u32,
    timer: Pin<Box<tokio::time::Sleep>>,
    trace: Trace,
}

impl Stream for Numbers {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        std::task::ready!(self.timer.as_mut().poll(cx));
        self.timer = Box::pin(sleep(100 * MS));
        self.next += 1;
        Poll::Ready(Some(self.next))
    }
}

impl AsyncClose for Numbers {
    type Error = Infallible;

    async fn close(&mut self) -> Result<(), Infallible> {
        sleep(200 * MS).await;
        self.trace.push("cleaned up");
        Ok(())
    }
}

/// CTX-19: a task that iterates a stream through `closing` is cancelled in mid-iteration: it has received what there was
/// so far, and the stream's own cleanup has finished before the task counts as ended.
#[tokio::test(start_paused = true)]
async fn upstream_ctx_19_aclosing() {
    let trace = Trace::new();
    let start = Instant::now();
    let seen = trace.clone();
    let ended = TaskGroup::scope(async |tg| {
        let handle = tg.spawn(async move {
            let numbers = closing(Numbers {
                next: 0,
                timer: Box::pin(sleep(100 * MS)),
                trace: trace.clone(),
            });
            let iterate = async |numbers: &mut Numbers| {
                while let Some(n) = numbers.next().await {
                    trace.push(n);
                }
            };
            numbers.scope(iterate).await
        });
        sleep(350 * MS).await;
        handle.cancel();
        assert!(handle.await.unwrap_err().is_cancelled());
        Ok(start.elapsed())
    });
    assert_eq!(ended.await.unwrap(), 550 * MS);
    assert_eq!(seen, ["1", "2", "3", "cleaned up"]);
}

/// The library's own: a stream of results, and an object with tasks.
#[tokio::test(start_paused = true)]
async fn closing_what_the_library_has() {
    let trace = Trace::new();
    let log = trace.clone();
    let slow = move |n: u64| {
        let dropped = log.on_drop(n);
        async move {
            sleep(Duration::from_secs(n)).await;
            drop(dropped);
        }
    };
    let all = as_completed([1, 2, 3].map(&slow));
    let Ok(first) = closing(all).scope(async |all| all.next().await).await;
    assert_eq!(first.unwrap().0, 0);
    assert_eq!(trace.events().len(), 3);

    let tasks = closing(TaskContext::new());
    tasks.spawn(slow(4));
    tokio::task::yield_now().await;
    let Ok(()) = tasks.exit().await;
    assert_eq!(trace.events().len(), 4);
}

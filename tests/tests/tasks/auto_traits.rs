//! What is `Send`, what is `Sync`, and how big futures are.

use aiotools::{
    CancelError, CancelReason, Cancelled, TaskContext, TaskError, TaskGroup, TaskGroupError,
    TaskHandle, TaskScope, cancel_and_wait, cancelled, catch_cancel, gather, move_on_after, race,
    shield, timeout,
};

use crate::support::{Error, ms, sleep};

fn send<T: Send>(value: T) -> T {
    value
}

fn send_sync<T: Send + Sync>() {}

#[test]
fn types() {
    send_sync::<TaskGroup>();
    send_sync::<TaskScope>();
    send_sync::<TaskContext>();
    send_sync::<TaskHandle<std::cell::Cell<u8>>>();
    send_sync::<TaskError>();
    send_sync::<TaskGroupError>();
    send_sync::<CancelError>();
    send_sync::<CancelReason>();
    send_sync::<Cancelled>();
}

/// Everything can be spawned on any runtime, with closures that borrow from the task around them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_are_send() {
    let outer = tokio::spawn(send(async {
        let mut seen = Vec::new();
        let value = TaskGroup::scope(async |tg| {
            let a = tg.spawn(async { Ok::<_, Error>(1) });
            seen.push(a.await?);
            TaskScope::scope(async |ts| {
                drop(ts.spawn(shield(sleep(1))));
                seen.push(2);
            })
            .await;
            let _ = move_on_after(ms(1), async |_| std::future::pending::<()>().await).await;
            let _ = timeout(ms(1), catch_cancel(cancelled())).await;
            Ok(seen.len())
        })
        .await
        .unwrap();
        let task = TaskContext::new();
        let handle = task.spawn(std::future::pending::<()>());
        let _ = cancel_and_wait(&handle).await;
        let _ = race([async { Ok::<_, Error>(1) }]).await;
        let _ = gather([async {}]).await;
        value
    }));
    assert_eq!(outer.await.unwrap(), 2);
}

/// Nested blocks cost their own size, not a multiple of what is inside.
#[test]
fn nesting_is_linear() {
    let one = TaskGroup::scope(async |_| Ok(sleep(1).await));
    let two = TaskGroup::scope(async |_| Ok(TaskGroup::scope(async |_| Ok(sleep(1).await)).await?));
    let three = TaskGroup::scope(async |_| {
        Ok(
            TaskGroup::scope(async |_| Ok(TaskGroup::scope(async |_| Ok(sleep(1).await)).await?))
                .await?,
        )
    });
    let (one, two, three) = (size_of_val(&one), size_of_val(&two), size_of_val(&three));
    assert!(three - two <= (two - one) + 64, "{one} {two} {three}");
}

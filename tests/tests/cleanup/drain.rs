use std::time::Duration;

use aiotools::{actxmgr, cleanup};
use aiotools_tests::trace::Trace;
use tokio::time::{Instant, sleep};

use crate::{alone, multi_thread, paused};

const SECOND: Duration = Duration::from_secs(1);

#[actxmgr]
async fn takes(time: Duration) {
    yield_!();
    sleep(time).await;
}

#[test]
fn cleanup_drain_with_nothing_outstanding() {
    let _alone = alone();
    // At once, so it needs no timer, and no runtime.
    let drained = futures::executor::block_on(cleanup::drain(SECOND));
    assert!(drained.is_complete());
    assert_eq!(drained.outstanding(), 0);
    assert_eq!(drained.to_string(), "all cleanups have ended");
    let past = std::time::Instant::now();
    assert!(futures::executor::block_on(cleanup::drain(past)).is_complete());
}

#[test]
fn cleanup_drain_waits_no_longer_than_needed() {
    let _alone = alone();
    paused().block_on(async {
        for time in [SECOND, 2 * SECOND] {
            drop(takes(time).await);
        }
        let began = Instant::now();
        let drained = cleanup::drain(Duration::from_hours(1)).await;
        assert!(drained.is_complete(), "{drained}");
        assert_eq!(began.elapsed(), 2 * SECOND);
    });
}

/// Each form of a deadline, and what is said when it passes.
#[test]
fn cleanup_drain_reports_at_its_deadline() {
    let _alone = alone();
    paused().block_on(async {
        drop(takes(10 * SECOND).await);
        let began = Instant::now();
        let drained = cleanup::drain(SECOND).await;
        assert_eq!(began.elapsed(), SECOND);
        assert!(!drained.is_complete());
        assert_eq!(
            (drained.outstanding(), &*drained.to_string()),
            (1, "1 cleanup is still running")
        );

        drop(takes(10 * SECOND).await);
        let drained = cleanup::drain(began + 2 * SECOND).await;
        assert_eq!(began.elapsed(), 2 * SECOND);
        assert_eq!(
            (drained.outstanding(), &*drained.to_string()),
            (2, "2 cleanups are still running")
        );

        let drained = cleanup::drain((began + 3 * SECOND).into_std()).await;
        assert_eq!(began.elapsed(), 3 * SECOND);
        assert_eq!(drained.outstanding(), 2);

        // A deadline in the past asks without waiting.
        assert_eq!(cleanup::drain(began).await.outstanding(), 2);
        assert_eq!(cleanup::drain(Duration::ZERO).await.outstanding(), 2);
        assert_eq!(began.elapsed(), 3 * SECOND);

        // And one that no clock can represent waits as long as it takes.
        assert!(cleanup::drain(Duration::MAX).await.is_complete());
        assert_eq!(began.elapsed(), 11 * SECOND);
    });
}

#[test]
fn cleanup_drain_has_several_waiters() {
    let _alone = alone();
    paused().block_on(async {
        drop(takes(2 * SECOND).await);
        let waiters: Vec<_> = [1, 3, 5, 5]
            .map(|n| tokio::spawn(cleanup::drain(n * SECOND)))
            .into();
        let began = Instant::now();
        let mut drained = Vec::new();
        for waiter in waiters {
            drained.push(waiter.await.unwrap().outstanding());
        }
        assert_eq!(drained, [1, 0, 0, 0]);
        assert_eq!(began.elapsed(), 2 * SECOND);
    });
}

/// A cleanup that leaves another one behind: there is no moment between the two.
#[test]
fn cleanup_drain_waits_for_cleanups_of_cleanups() {
    #[actxmgr]
    async fn chain(left: u32, trace: Trace) {
        yield_!();
        if left > 0 {
            let next: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin({
                let trace = trace.clone();
                async move { drop(chain(left - 1, trace).await) }
            });
            next.await;
            sleep(SECOND).await;
        }
        trace.push(left);
    }
    let _alone = alone();
    paused().block_on(async {
        let trace = Trace::new();
        drop(chain(3, trace.clone()).await);
        assert!(cleanup::drain(10 * SECOND).await.is_complete());
        assert_eq!(trace.events().len(), 4);
    });
}

/// Dropping it changes nothing.
#[test]
fn cleanup_drain_is_cancel_safe() {
    let _alone = alone();
    paused().block_on(async {
        drop(takes(2 * SECOND).await);
        for _ in 0..3 {
            assert!(futures::poll!(std::pin::pin!(cleanup::drain(SECOND))).is_pending());
        }
        assert!(cleanup::drain(3 * SECOND).await.is_complete());
    });
}

/// A waiter on one runtime, cleanups that end on another.
#[test]
fn cleanup_drain_across_runtimes() {
    let _alone = alone();
    let (one, other) = (multi_thread(), multi_thread());
    for _ in 0..200 {
        let guards =
            other.block_on(async { [takes(Duration::ZERO).await, takes(Duration::ZERO).await] });
        drop(guards);
        let drained = one.block_on(cleanup::drain(60 * SECOND));
        assert!(drained.is_complete(), "{drained}");
    }
}

//! `as_completed`, `gather` and `race`, scenario by scenario.

use std::sync::{Arc, Mutex};

use aiotools::{Cancelled, as_completed, catch_cancel, gather, race, race_ok, timeout};

use crate::support::{Error, Log, ms, sleep};

/// A job that says what became of it, with 0.1 s of cleanup.
async fn job(n: u64, log: Log) -> Result<u64, Error> {
    match catch_cancel(sleep(n * 100)).await {
        Ok(()) => {
            log.add("executed");
            Ok(n)
        }
        Err(cancelled) => {
            sleep(100).await;
            log.add("cancelled");
            Err(cancelled.into())
        }
    }
}

async fn fail(n: u64, log: Log) -> Result<u64, Error> {
    job(n, log).await?;
    Err(format!("failed {n}").into())
}

fn jobs(
    log: &Log,
    order: [u64; 3],
) -> [impl Future<Output = Result<u64, Error>> + Send + 'static; 3] {
    order.map(|n| job(n, log.clone()))
}

/// ASC-01
#[tokio::test(start_paused = true)]
async fn in_order_of_completion() {
    let mut done = as_completed(jobs(&Log::default(), [3, 2, 1]));
    let mut seen = Vec::new();
    while let Some((index, result)) = done.next().await {
        seen.push((index, result.unwrap()));
    }
    assert_eq!(seen, [(2, 1), (1, 2), (0, 3)]);
}

/// ASC-02
#[tokio::test(start_paused = true)]
async fn completed_with_failures() {
    let log = Log::default();
    let all = (1..=4).map(|n| {
        let log = log.clone();
        async move {
            if n % 2 == 1 {
                job(n, log).await
            } else {
                fail(n, log).await
            }
        }
    });
    let (mut done, mut results, mut errors) = (as_completed(all), Vec::new(), 0);
    while let Some((_, result)) = done.next().await {
        match result {
            Ok(n) => results.push(n),
            Err(error) => {
                assert!(error.is_failed());
                errors += 1;
            }
        }
    }
    assert_eq!((results, errors), (vec![1, 3], 2));
}

/// ASC-04, ASC-06
#[tokio::test(start_paused = true)]
async fn a_timeout_around_the_iteration() {
    for absolute in [false, true] {
        let log = Log::default();
        let results = Arc::new(Mutex::new(Vec::new()));
        let iterate = async {
            let mut done = as_completed(jobs(&log, [1, 2, 3]));
            while let Some((_, result)) = done.next().await {
                results.lock().unwrap().push(result.unwrap());
            }
        };
        let timed = if absolute {
            aiotools::timeout_at(tokio::time::Instant::now() + ms(150), iterate)
        } else {
            timeout(ms(150), iterate)
        };
        assert!(timed.await.is_err());
        assert_eq!(*results.lock().unwrap(), [1]);
        assert_eq!(log.all(), ["executed", "cancelled", "cancelled"]);
    }
    // tokio's own only drops: the jobs were asked, and end a little later.
    let log = Log::default();
    let dropped = tokio::time::timeout(ms(150), async {
        let mut done = as_completed(jobs(&log, [1, 2, 3]));
        while done.next().await.is_some() {}
    });
    assert!(dropped.await.is_err());
    assert_eq!(log.all(), ["executed"]);
    sleep(101).await;
    assert_eq!(log.all(), ["executed", "cancelled", "cancelled"]);
}

/// ASC-05
#[tokio::test(start_paused = true)]
async fn a_timeout_in_the_loop_body() {
    let log = Log::default();
    let timed = timeout(ms(150), async {
        let mut done = as_completed(jobs(&log, [1, 2, 3]));
        while let Some((_, result)) = done.next().await {
            log.add(format!("result {}", result.unwrap()));
            sleep(100).await;
            log.add("body");
        }
    });
    assert!(timed.await.is_err());
    assert_eq!(
        log.all(),
        ["executed", "result 1", "cancelled", "cancelled"]
    );
}

/// ASC-07, ASC-10
#[tokio::test(start_paused = true)]
async fn closing_the_stream() {
    let log = Log::default();
    let mut done = as_completed(jobs(&log, [1, 2, 3]));
    let body = async {
        while let Some((_, result)) = done.next().await {
            if result.unwrap() == 2 {
                return Err(Cancelled::default());
            }
        }
        Ok(())
    }
    .await;
    assert!(body.is_err());
    done.aclose().await;
    assert_eq!((log.count("executed"), log.count("cancelled")), (2, 1));
    done.aclose().await;
    assert!(done.next().await.is_none());
}

/// ASC-09
#[tokio::test(start_paused = true)]
async fn dropping_the_stream() {
    let log = Log::default();
    let mut done = as_completed(jobs(&log, [1, 2, 3]));
    done.next().await;
    done.next().await;
    drop(done);
    assert_eq!((log.count("executed"), log.count("cancelled")), (2, 0));
    sleep(101).await;
    assert_eq!(log.count("cancelled"), 1);
}

/// GTH-01
#[tokio::test(start_paused = true)]
async fn in_order_of_the_arguments() {
    let results = gather(jobs(&Log::default(), [3, 2, 1])).await;
    assert_eq!(
        results.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert!(
        gather(Vec::<std::future::Ready<()>>::new())
            .await
            .is_empty()
    );
}

/// GTH-03
#[tokio::test(start_paused = true)]
async fn a_timeout_around_gather() {
    let log = Log::default();
    let all: Vec<_> = (1..=7)
        .map(|n| {
            let log = log.clone();
            async move {
                if n == 1 || n == 2 {
                    fail(1, log).await
                } else {
                    job(n - 1, log).await
                }
            }
        })
        .collect();
    assert!(timeout(ms(350), gather(all).into_future()).await.is_err());
    assert_eq!((log.count("executed"), log.count("cancelled")), (4, 3));
}

/// RCE-01
#[tokio::test(start_paused = true)]
async fn the_first_decides() {
    let log = Log::default();
    assert_eq!(race(jobs(&log, [3, 1, 2])).await.unwrap(), 1);
    assert_eq!((log.count("executed"), log.count("cancelled")), (1, 2));

    let log = Log::default();
    let all = [1, 2, 3].map(|n| {
        let log = log.clone();
        async move {
            if n == 1 {
                fail(n, log).await
            } else {
                job(n, log).await
            }
        }
    });
    let error = race(all).await.unwrap_err();
    assert!(error.first().unwrap().to_string().contains("failed 1"));
    assert_eq!(log.count("cancelled"), 2);
}

/// RCE-02
#[tokio::test(start_paused = true)]
async fn the_first_success_decides() {
    let log = Log::default();
    let all = (1..=5).map(|n| {
        let log = log.clone();
        async move {
            if n <= 2 {
                fail(n, log).await
            } else {
                job(n, log).await
            }
        }
    });
    let (value, errors) = race_ok(all).await.unwrap();
    assert_eq!(value, 3);
    let errors: Vec<_> = errors
        .iter()
        .map(|error| error.error().unwrap().to_string())
        .collect();
    assert_eq!(errors, ["failed 1", "failed 2"]);
    assert_eq!((log.count("executed"), log.count("cancelled")), (3, 2));
}

/// RCE-03
#[tokio::test(start_paused = true)]
async fn a_race_of_nobody() {
    let nobody = Vec::<std::future::Ready<Result<(), Error>>>::new();
    assert!(race(nobody.clone_empty()).await.unwrap_err().is_empty());
    assert!(race_ok(nobody).await.unwrap_err().is_empty());
}

trait CloneEmpty {
    fn clone_empty(&self) -> Self;
}

impl<T> CloneEmpty for Vec<T> {
    fn clone_empty(&self) -> Self {
        Vec::new()
    }
}

/// RCE-04
#[tokio::test(start_paused = true)]
async fn all_fail() {
    let log = Log::default();
    let start = tokio::time::Instant::now();
    let error = race([1, 2, 3].map(|n| fail(n, log.clone())))
        .await
        .unwrap_err();
    assert_eq!(error.errors().len(), 1);
    assert!(error.errors()[0].to_string().contains("failed 1"));
    assert_eq!(log.count("cancelled"), 2);
    assert!(
        start.elapsed() < ms(250),
        "the losers' cleanup is waited for, and no more"
    );
    let error = race_ok([1, 2, 3].map(|n| fail(n, log.clone())))
        .await
        .unwrap_err();
    assert_eq!(error.errors().len(), 3);
}

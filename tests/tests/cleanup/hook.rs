use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aiotools::{Exit, actxmgr, cleanup};
use aiotools_tests::reports::{Kind, Report, keep_reports_again, kinds};

use crate::{alone, paused};

#[derive(Debug, PartialEq)]
struct Full(u32);

#[actxmgr]
async fn full(left: u32) -> Result<(), Full> {
    yield_!();
    Err(Full(left))
}

#[actxmgr]
async fn panicking(text: bool) {
    yield_!();
    if text {
        panic!("{} left", 5);
    }
    std::panic::panic_any(5_u8);
}

async fn drain() {
    assert!(cleanup::drain(Duration::from_secs(60)).await.is_complete());
}

/// What a hook can ask.
#[test]
fn cleanup_hook_is_told_what_went_wrong() {
    let _alone = alone();
    let told = Arc::new(AtomicU32::new(0));
    cleanup::set_error_hook({
        let told = told.clone();
        move |error| {
            told.fetch_add(1, Ordering::Relaxed);
            assert_eq!(error.manager(), "cleanup::hook::full");
            assert_eq!(error.exit(), Exit::Cancelled);
            assert_eq!(error.downcast_ref::<Full>(), Some(&Full(3)));
            assert_eq!(error.downcast_ref::<String>(), None);
            assert_eq!(format!("{:?}", error.error().unwrap()), "Full(3)");
            assert!(error.panic().is_none() && !error.is_timeout() && !error.is_abandoned());
            let text = "the cleanup of `cleanup::hook::full` (cancelled) failed: Full(3)";
            assert_eq!(error.to_string(), text);
            told.fetch_add(1, Ordering::Relaxed);
        }
    });
    paused().block_on(async {
        drop(full(3).await.unwrap());
        drain().await;
    });
    assert_eq!(
        told.load(Ordering::Relaxed),
        2,
        "told once, and asked to the end"
    );
}

#[test]
fn cleanup_hook_is_told_of_a_panic() {
    let _alone = alone();
    let told = Arc::new(AtomicU32::new(0));
    cleanup::set_error_hook({
        let told = told.clone();
        move |error| {
            let payload = error.panic().unwrap();
            let text = match payload.downcast_ref::<u8>() {
                Some(5) => {
                    "the cleanup of `cleanup::hook::panicking` (cancelled) panicked: (not a text)"
                }
                _ => "the cleanup of `cleanup::hook::panicking` (cancelled) panicked: 5 left",
            };
            assert_eq!(error.to_string(), text);
            assert!(error.error().is_none() && !error.is_timeout() && !error.is_abandoned());
            told.fetch_add(1, Ordering::Relaxed);
        }
    });
    paused().block_on(async {
        drop((panicking(true).await, panicking(false).await));
        drain().await;
    });
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

/// An error of a scoped manager may borrow, so there is nothing to downcast, but there is a text.
#[test]
fn cleanup_hook_is_told_of_an_error_that_borrows() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "seen by `Debug`")]
    struct Named<'a>(&'a str);
    #[actxmgr(scoped)]
    async fn naming<'a>(name: &'a str) -> Result<(), Named<'a>> {
        yield_!();
        Err(Named(name))
    }
    let _alone = alone();
    let told = Arc::new(AtomicU32::new(0));
    cleanup::set_error_hook({
        let told = told.clone();
        move |error| {
            assert_eq!(format!("{:?}", error.error().unwrap()), r#"Named("ada")"#);
            assert!(error.downcast_ref::<Named<'static>>().is_none());
            told.fetch_add(1, Ordering::Relaxed);
        }
    });
    paused().block_on(async {
        let name = String::from("ada");
        let got = naming(&name).scope(async |()| std::future::pending::<()>().await);
        assert!(futures::poll!(Box::pin(got)).is_pending());
    });
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

/// A hook that panics harms nobody: the cleanup has ended, the runtime goes on.
#[test]
fn cleanup_hook_panics() {
    let _alone = alone();
    let told = Arc::new(AtomicU32::new(0));
    cleanup::set_error_hook({
        let told = told.clone();
        move |_| {
            told.fetch_add(1, Ordering::Relaxed);
            panic!("hook")
        }
    });
    paused().block_on(async {
        drop(full(1).await.unwrap());
        drain().await;
        let body: Result<(), Full> = full(2).try_scope(async |()| Err(Full(0))).await;
        assert_eq!(body, Err(Full(0)));
    });
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

/// A hook may set another one, and the last one set counts.
#[test]
fn cleanup_hook_is_replaced() {
    #[actxmgr]
    async fn full_again() -> Result<(), Full> {
        yield_!();
        Err(Full(0))
    }
    let _alone = alone();
    let first = Arc::new(AtomicU32::new(0));
    cleanup::set_error_hook({
        let first = first.clone();
        move |error| {
            assert_eq!(Report::of(error).kind, Kind::Error);
            first.fetch_add(1, Ordering::Relaxed);
            keep_reports_again();
        }
    });
    paused().block_on(async {
        for _ in 0..3 {
            drop(full_again().await.unwrap());
        }
        drain().await;
    });
    assert_eq!(first.load(Ordering::Relaxed), 1);
    assert_eq!(kinds("full_again"), [(Kind::Error, Exit::Cancelled); 2]);

    cleanup::reset_error_hook();
    paused().block_on(async {
        drop(full_again().await.unwrap());
        drain().await;
    });
    assert_eq!(kinds("full_again").len(), 2, "now it is a tracing event");
}

//! A crawler: a group with a limit, a deadline and a failure, that prints the live tree while it runs.
//!
//! `cargo run -p aiotools-examples --example crawler`
//!
//! To see: the tree, with four pages being fetched at once; then either the failure that ended the crawl, with the cleanup of all
//! others done before it, or (with the argument `patient`) all pages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aiotools::{BoxError, TaskGroup, catch_cancel, task};
use tokio::time::sleep;

#[derive(Default)]
struct Crawl {
    pages: AtomicUsize,
    given_up: AtomicUsize,
}

/// "Fetches" a page; every page links to two more, and one is broken.
async fn fetch(page: u64, broken: Option<u64>) -> Result<Vec<u64>, BoxError> {
    sleep(Duration::from_millis(40 + page * 7 % 60)).await;
    if Some(page) == broken {
        return Err(format!("page {page} is not there").into());
    }
    Ok([2 * page + 1, 2 * page + 2]
        .into_iter()
        .filter(|next| *next < 40)
        .collect())
}

#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` cannot say that it is `Send`"
)]
// Not an `async fn`: a task that spawns more of its own kind has to say that it is `Send`.
fn visit(
    crawl: Arc<Crawl>,
    page: u64,
    broken: Option<u64>,
) -> impl Future<Output = Result<(), BoxError>> + Send {
    async move {
        let links = match catch_cancel(fetch(page, broken)).await {
            Ok(links) => links?,
            Err(cancelled) => {
                // Async cleanup, as after `except CancelledError` in Python: the group waits for it.
                sleep(Duration::from_millis(10)).await;
                crawl.given_up.fetch_add(1, Ordering::Relaxed);
                return Err(cancelled.into());
            }
        };
        crawl.pages.fetch_add(1, Ordering::Relaxed);
        let group = TaskGroup::current().expect("a page is visited in a group");
        for page in links {
            group.spawn_named(format!("page {page}"), visit(crawl.clone(), page, broken));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let broken = if std::env::args().any(|arg| arg == "patient") {
        None
    } else {
        Some(17)
    };
    let crawl = Arc::new(Crawl::default());
    let seen = crawl.clone();
    let result = TaskGroup::builder()
        .name("crawl")
        .max_concurrency(4)
        .timeout(Duration::from_secs(5))
        .scope(async |tg| {
            tg.spawn_named("page 0", visit(crawl.clone(), 0, broken));
            sleep(Duration::from_millis(150)).await;
            println!("{}", task::dump());
            Ok(())
        })
        .await;
    println!(
        "{} pages, {} given up half-way",
        seen.pages.load(Ordering::Relaxed),
        seen.given_up.load(Ordering::Relaxed)
    );
    match result {
        Ok(()) => println!("all done"),
        Err(error) if error.is_timeout() => println!("too slow"),
        Err(error) => println!("ended by {}", error.errors()[0]),
    }
}

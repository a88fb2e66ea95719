//! What does a manager cost, beside the same set-up and cleanup written by hand?
//!
//! `cargo bench -p aiotools-benches --bench managers`; allocator: the system's. All of it runs inside a
//! task, as real callers do.

#![allow(missing_docs, reason = "a bench")]

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use aiotools::actxmgr;
use aiotools_benches::Race;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    /// What set-up takes and cleanup gives back.
    static LEASES: Cell<u64> = const { Cell::new(0) };
}

fn take() -> u64 {
    LEASES.with(|leases| {
        leases.set(leases.get() + 1);
        leases.get()
    })
}

fn give_back() {
    LEASES.with(|leases| leases.set(leases.get() - 1));
}

/// Suspends once, at no other cost than being polled again.
#[derive(Default)]
struct Suspend(bool);

impl Future for Suspend {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

macro_rules! shapes {
    ($module:ident, $suspend:expr) => {
        #[allow(clippy::no_effect, reason = "one of the shapes suspends nowhere")]
        mod $module {
            use super::*;

            pub(super) async fn by_hand() {
                let mut lease = take();
                $suspend;
                black_box(&mut lease);
                $suspend;
                give_back();
            }

            #[actxmgr(scoped)]
            pub(super) async fn scoped() -> &mut u64 {
                let mut lease = take();
                $suspend;
                yield_!(&mut lease);
                $suspend;
                give_back();
            }

            #[actxmgr]
            pub(super) async fn shared() -> &mut u64 {
                let mut lease = take();
                $suspend;
                yield_!(&mut lease);
                $suspend;
                give_back();
            }
        }
    };
}

shapes!(ready, ());
shapes!(suspending, Suspend::default().await);

/// Runs `work` in a task of `runtime` and waits for it.
fn within(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) {
    runtime.block_on(async { tokio::spawn(work).await.expect("the work does not panic") });
}

fn race(question: &str, runtime: &Runtime) {
    macro_rules! contenders {
        ($module:ident) => {
            Race::new(concat!(stringify!($module), ": set-up, body, cleanup"))
                .contender("by hand", |n| {
                    within(runtime, async move {
                        for _ in 0..n {
                            $module::by_hand().await;
                        }
                    });
                })
                .contender("scoped manager, scope", |n| {
                    within(runtime, async move {
                        for _ in 0..n {
                            $module::scoped()
                                .scope(async |lease: &mut u64| {
                                    black_box(lease);
                                })
                                .await;
                        }
                    });
                })
                .contender("default manager, scope", |n| {
                    within(runtime, async move {
                        for _ in 0..n {
                            $module::shared()
                                .scope(async |lease: &mut u64| {
                                    black_box(lease);
                                })
                                .await;
                        }
                    });
                })
                .contender("default manager, guard", |n| {
                    within(runtime, async move {
                        for _ in 0..n {
                            let mut lease = $module::shared().await;
                            black_box(&mut *lease);
                            lease.exit().await;
                        }
                    });
                })
                .run();
        };
    }
    println!("\n== {question}");
    contenders!(ready);
    contenders!(suspending);

    Race::new("a dropped guard: its cleanup in the background, until it is done")
        .contender("tokio::spawn of the same cleanup", |n| {
            within(runtime, async move {
                for _ in 0..n {
                    let lease = take();
                    black_box(lease);
                    tokio::spawn(async move {
                        Suspend::default().await;
                        LEASES.with(|leases| leases.set(leases.get().wrapping_sub(1)));
                    });
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                }
            });
        })
        .contender("a guard that is dropped", |n| {
            #[actxmgr]
            async fn lease() -> u64 {
                yield_!(take());
                Suspend::default().await;
                LEASES.with(|leases| leases.set(leases.get().wrapping_sub(1)));
            }
            within(runtime, async move {
                for _ in 0..n {
                    let lease = lease().await;
                    black_box(&*lease);
                    drop(lease);
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                }
            });
        })
        .run();
}

fn main() {
    let current = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    race("current-thread runtime", &current);
}

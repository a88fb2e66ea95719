//! The same set-up, body and cleanup: by hand, and in managers of each kind, one or many.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aiotools::{AsyncExitStack, actxgroup, actxmgr, cleanup};
use tokio_util::task::TaskTracker;

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
#[derive(Debug, Default)]
pub struct Suspend(bool);

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
    ($module:ident, $suspend:expr, $what:literal) => {
        #[doc = $what]
        #[allow(clippy::no_effect, reason = "one of the shapes suspends nowhere")]
        pub mod $module {
            use super::*;

            /// Written by hand in one async fn.
            pub async fn by_hand() {
                let mut lease = take();
                $suspend;
                black_box(&mut lease);
                $suspend;
                give_back();
            }

            #[actxmgr(scoped)]
            async fn scoped_manager() -> &mut u64 {
                let mut lease = take();
                $suspend;
                yield_!(&mut lease);
                $suspend;
                give_back();
            }

            #[actxmgr]
            async fn shared_manager() -> &mut u64 {
                let mut lease = take();
                $suspend;
                yield_!(&mut lease);
                $suspend;
                give_back();
            }

            /// A scoped manager around a body.
            pub async fn scoped() {
                scoped_manager()
                    .scope(async |lease: &mut u64| {
                        black_box(lease);
                    })
                    .await;
            }

            /// A manager of the default kind around a body.
            pub async fn shared() {
                shared_manager()
                    .scope(async |lease: &mut u64| {
                        black_box(lease);
                    })
                    .await;
            }

            /// A manager of the default kind, entered and left by hand.
            pub async fn guard() {
                let mut lease = shared_manager().await;
                black_box(&mut *lease);
                lease.exit().await;
            }

            /// `n` of them by hand: set up one by one, and cleaned up from the last to the first.
            pub async fn many_by_hand(n: usize) {
                let mut leases = Vec::with_capacity(n);
                for _ in 0..n {
                    let lease = take();
                    $suspend;
                    leases.push(lease);
                }
                while let Some(mut lease) = leases.pop() {
                    black_box(&mut lease);
                    $suspend;
                    give_back();
                }
            }

            /// `n` managers in an exit stack.
            pub async fn stack(n: usize) {
                let stack = AsyncExitStack::new();
                for _ in 0..n {
                    let Ok(lease) = stack.enter(shared_manager()).await;
                    black_box(lease);
                }
                stack.exit().await.expect("no cleanup fails");
            }

            /// `n` managers in a group, entered and left at once.
            pub async fn group(n: usize) {
                let Ok(mut leases) = actxgroup((0..n).map(|_| shared_manager())).await;
                leases.iter_mut().for_each(|lease| {
                    black_box(lease);
                });
                let Ok(()) = leases.exit().await;
            }
        }
    };
}

shapes!(ready, (), "Set-up and cleanup are over at once.");
shapes!(
    suspending,
    Suspend::default().await,
    "Set-up and cleanup suspend once each."
);

#[actxmgr]
async fn dropped() {
    yield_!();
    Suspend::default().await;
}

/// A guard of which only the cleanup does anything, and suspends once.
pub async fn guard_to_drop() -> impl Sized {
    dropped().await
}

/// `n` such guards that are dropped at once; waits for their cleanups.
///
/// # Panics
///
/// If a cleanup takes longer than any should.
pub async fn drop_guards(n: usize) {
    let mut guards = Vec::with_capacity(n);
    for _ in 0..n {
        guards.push(dropped().await);
    }
    drop(black_box(guards));
    let drained = cleanup::drain(Duration::from_secs(60)).await;
    assert!(drained.is_complete(), "{drained}");
}

/// `n` tasks that do what these cleanups do.
pub async fn spawn_cleanups(n: usize) {
    let cleanups = TaskTracker::new();
    for _ in 0..n {
        cleanups.spawn(Suspend::default());
    }
    cleanups.close();
    cleanups.wait().await;
}

/// `n` times the shape of this name.
///
/// # Panics
///
/// If there is none.
pub async fn round(shape: &str, kind: &str, n: usize) {
    macro_rules! table {
        ($($module:ident $shape:ident,)*) => {
            match (kind, shape) {
                $((kind, shape) if kind == stringify!($module) && shape == stringify!($shape) => {
                    for _ in 0..n {
                        $module::$shape().await;
                    }
                })*
                _ => panic!("no shape `{shape}` for `{kind}`"),
            }
        };
    }
    table!(
        ready by_hand, ready scoped, ready shared, ready guard,
        suspending by_hand, suspending scoped, suspending shared, suspending guard,
    );
}

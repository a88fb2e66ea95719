//! The same set-up, body and cleanup: by hand, and in managers of each kind.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use aiotools::actxmgr;

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
        }
    };
}

shapes!(ready, (), "Set-up and cleanup are over at once.");
shapes!(
    suspending,
    Suspend::default().await,
    "Set-up and cleanup suspend once each."
);

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

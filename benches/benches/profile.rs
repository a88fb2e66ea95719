//! One shape, many times, for `perf` and `valgrind`: `profile <group|floor|join_set> <ready|yield|cancel> <children> <rounds>`.
#![allow(clippy::unit_arg, reason = "`Ok(drop(..))` is how a short body ends")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aiotools::TaskGroup;
use tokio::{sync::Notify, task::JoinSet};

async fn child(yields: bool) {
    if yields {
        tokio::task::yield_now().await;
    }
}

async fn round(shape: &str, kind: &str, n: usize) {
    let yields = kind == "yield";
    match shape {
        "floor" => {
            let left = Arc::new((AtomicUsize::new(n), Notify::new()));
            for _ in 0..n {
                let left = left.clone();
                tokio::spawn(async move {
                    child(yields).await;
                    if left.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                        left.1.notify_one();
                    }
                });
            }
            left.1.notified().await;
        }
        "join_set" if kind == "cancel" => {
            let mut set = JoinSet::new();
            (0..n).for_each(|_| drop(set.spawn(std::future::pending::<()>())));
            tokio::task::yield_now().await;
            set.shutdown().await;
        }
        "join_set" => {
            let mut set = JoinSet::new();
            (0..n).for_each(|_| drop(set.spawn(child(yields))));
            while set.join_next().await.is_some() {}
        }
        _ if kind == "cancel" => {
            let _ = TaskGroup::scope(async |tg| {
                (0..n).for_each(|_| drop(tg.spawn(std::future::pending::<()>())));
                tokio::task::yield_now().await;
                tg.cancel();
                Ok(())
            })
            .await;
        }
        _ => TaskGroup::scope(async |tg| Ok((0..n).for_each(|_| drop(tg.spawn(child(yields))))))
            .await
            .unwrap(),
    }
}

fn main() {
    let args: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [shape, kind, n, rounds] = &args[..] else {
        return;
    };
    let (shape, kind, n, rounds) = (
        shape.clone(),
        kind.clone(),
        n.parse().unwrap(),
        rounds.parse().unwrap(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::spawn(async move {
            for _ in 0_usize..rounds {
                round(&shape, &kind, n).await;
            }
        })
        .await
        .unwrap();
    });
}

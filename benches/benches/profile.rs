//! One shape, many times, for `perf` and `valgrind`: `profile <shape> <ready|yield|cancel> <n> <rounds>`.
#![allow(missing_docs, reason = "a bench")]

use aiotools_benches::{
    managers,
    tasks::{self, Child},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

async fn round(shape: &str, kind: &str, n: usize) {
    if kind == "cancel" {
        let started = async || {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        };
        return match shape {
            "join_set" => tasks::shut_down_join_set(n, started).await,
            "token" => tasks::cancel_shared_token(n, started).await,
            "group" => tasks::cancel_group(n, started).await,
            _ => panic!("no shape `{shape}` for `cancel`"),
        };
    }
    let child = match kind {
        "ready" => Child::Ready,
        "yield" => Child::Yield,
        _ => return managers::round(shape, kind, n).await,
    };
    match shape {
        "floor" => tasks::floor(n, child).await,
        "join_handles" => tasks::join_handles(n, child).await,
        "join_all" => tasks::join_all(n, child).await,
        "join_set" => tasks::join_set(n, child).await,
        "tracker" => tasks::tracker(n, child).await,
        "child_tokens" => tasks::tracker_with_child_tokens(n, child).await,
        "group" => tasks::group(n, child).await,
        "handles" => tasks::group_with_handles(n, child).await,
        "gather" => tasks::gather(n, child).await,
        "nest" => tasks::nest(n).await,
        _ => managers::round(shape, kind, n).await,
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
        n.parse().expect("a number"),
        rounds.parse().expect("a number"),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::spawn(async move {
            for _ in 0_usize..rounds {
                round(&shape, &kind, n).await;
            }
        })
        .await
        .expect("it does not panic");
    });
}

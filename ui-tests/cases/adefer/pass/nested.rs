//! In macros, in branches, in itself; `?` in a deferred call.

#![deny(warnings, clippy::all)]

use aiotools::adefer;

async fn cleanup(n: u32) -> std::io::Result<()> {
    println!("{n}");
    Ok(())
}

#[adefer]
async fn work(again: u32, call: u32) -> std::io::Result<u32> {
    let defers = call;
    tokio::select! {
        () = std::future::ready(()) => defer!(cleanup(again)),
    }
    defer! {
        cleanup(1).await?;
        defer!(cleanup(2));
        cleanup(3).await
    }
    defer!(async move {
        println!("{defers}");
    });
    Ok(again)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(work(1, 2).await.unwrap(), 1);
}

//! Happy eyeballs: of several addresses of one server, use the first that answers (RFC 8305, in small).
//!
//! `cargo run --example happy_eyeballs`
//!
//! To see: three addresses on loopback. The first refuses the connection, so the second is tried at once. The second accepts and says
//! nothing, so after a short delay the third is tried beside it. The third says hello and wins; when `race_ok` returns, the connection to the
//! second is closed already. Then all addresses refuse, and every reason is there. Ends with an error if it goes otherwise.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use aiotools::{BoxError, race_ok, timeout};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// How long an attempt has the road for itself.
const DELAY: Duration = Duration::from_millis(100);

/// Connects, and waits for the greeting of the server.
async fn connect(address: SocketAddr) -> io::Result<(SocketAddr, String)> {
    println!("  {address}: trying");
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut greeting = String::new();
    stream.read_line(&mut greeting).await?;
    Ok((address, greeting.trim().to_owned()))
}

/// The first of these addresses that greets, and the errors of those that failed before.
async fn first_to_greet(
    addresses: Vec<SocketAddr>,
) -> Result<(SocketAddr, String, usize), BoxError> {
    let mut before: Option<oneshot::Receiver<()>> = None;
    let attempts = addresses.into_iter().map(|address| {
        let (failed, next) = oneshot::channel::<()>();
        let turn = before.replace(next);
        async move {
            if let Some(turn) = turn {
                // Whichever comes first: the delay, or the end of the attempt before, which drops its sender.
                let _ = timeout(DELAY, turn).await;
            }
            let _failed = failed;
            connect(address).await
        }
    });
    let ((address, greeting), errors) = race_ok(attempts.collect::<Vec<_>>()).await?;
    for error in &errors {
        println!("  failed before: {error}");
    }
    Ok((address, greeting, errors.len()))
}

async fn listener() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// An address where nobody listens any more.
async fn deserted() -> io::Result<SocketAddr> {
    Ok(listener().await?.1)
}

#[aiotools::main(flavor = current_thread)]
async fn main() -> Result<(), BoxError> {
    let refusing = deserted().await?;
    let (silent, silent_at) = listener().await?;
    let (greeting, greeting_at) = listener().await?;

    // Accepts, says nothing, and tells how many bytes it was sent until the client hung up.
    let silent = tokio::spawn(async move {
        let (mut stream, _) = silent.accept().await?;
        stream.read_to_end(&mut Vec::new()).await
    });
    let greeter = tokio::spawn(async move {
        let (mut stream, _) = greeting.accept().await?;
        stream.write_all(b"hello\n").await
    });

    println!("one refuses, one is silent, one greets");
    let start = Instant::now();
    let (winner, text, failed) = first_to_greet(vec![refusing, silent_at, greeting_at]).await?;
    println!("  {winner} won with {text:?} after {:?}", start.elapsed());
    assert_eq!((winner, text.as_str(), failed), (greeting_at, "hello", 1));
    assert!(start.elapsed() >= DELAY, "the silent one had its time");
    // The loser is gone, and its socket with it: the other end sees that.
    let sent = timeout(Duration::from_secs(5), silent).await??;
    assert_eq!(sent?, 0);
    greeter.await??;

    println!("all refuse");
    let nowhere = vec![deserted().await?, deserted().await?];
    let error = first_to_greet(nowhere).await.expect_err("nobody is there");
    println!("  {error}");
    Ok(())
}

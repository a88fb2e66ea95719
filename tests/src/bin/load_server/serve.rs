//! Serving: the least of HTTP that clients with keep-alive need.

use std::{
    io,
    path::Path,
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::books::Books;

/// A listener that is being served.
pub(crate) struct Serving {
    stop: watch::Sender<bool>,
    accepting: JoinHandle<JoinSet<()>>,
}

impl Serving {
    /// Serves; each request takes `work` of the processor.
    pub(crate) fn start(listener: TcpListener, dir: &Path, work: Duration) -> io::Result<Self> {
        let books = Arc::new(Books::open(dir)?);
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, stopped, books, work));
        Ok(Self { stop, accepting })
    }

    /// Stops gracefully: accepts no more, answers what has been accepted, and closes connections that have been
    /// answered.
    pub(crate) async fn stop(self) -> io::Result<()> {
        self.stop.send_replace(true);
        self.accepting.await?.join_all().await;
        Ok(())
    }
}

async fn accept(
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
    books: Arc<Books>,
    work: Duration,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        let stop = stopped.clone();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return connections,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let books = Arc::clone(&books);
                    connections.spawn(async move { drop(serve(stream, stop, &books, work).await) });
                }
                Err(err) => crate::say(&format!("accept failed: {err}")),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    mut stopped: watch::Receiver<bool>,
    books: &Books,
    work: Duration,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut fresh = true;
    loop {
        // A connection that has not been answered yet is waited for, stop or not; one that has may be closed by
        // either side at any time.
        let waiting = (!fresh && buffer.is_empty()).then(|| books.waiting());
        let read = tokio::select! {
            biased;
            read = stream.read_buf(&mut buffer) => read?,
            _ = stopped.wait_for(|stopped| *stopped), if waiting.is_some() => 0,
        };
        drop(waiting);
        if read == 0 {
            return Ok(());
        }
        let Some(head) = buffer.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let request: Vec<u8> = buffer.drain(..head + 4).collect();
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or("?");
        let close = request.contains("Connection: close") || *stopped.borrow();
        let until = Instant::now() + work;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let body = format!("{path} by {}", process::id());
        let connection = if close { "close" } else { "keep-alive" };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        fresh = false;
        if close {
            stream.shutdown().await?;
            return Ok(());
        }
    }
}

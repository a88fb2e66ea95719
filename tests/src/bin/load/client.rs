//! The clients.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    random::Random,
    tally::{Tally, count},
};

/// After this long, a connection or an answer has not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many requests a kept connection is used for.
const KEPT: usize = 200;

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) addr: SocketAddr,
    pub(crate) tally: Tally,
    /// No new request is to be made.
    pub(crate) over: AtomicBool,
    /// The server has been told to stop for good.
    pub(crate) stopping: AtomicBool,
}

/// What went wrong with a request.
enum Trouble {
    /// The connection was closed or reset before a byte of the answer.
    Closed(ErrorKind),
    Cut,
    Late,
    Wrong,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A new connection; `None` is counted.
    async fn connect(&self, client: usize) -> Option<TcpStream> {
        let connected = timeout(PATIENCE, async {
            let socket = TcpSocket::new_v4()?;
            // Clients on addresses of their own, so that there are ports enough.
            let host = u8::try_from(client % 200).unwrap_or(0) + 2;
            socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
            let stream = socket.connect(self.addr).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(stream)
        });
        match connected.await {
            Ok(Ok(stream)) => {
                count(&self.tally.connections);
                Some(stream)
            }
            // It cannot be told when the server stopped listening.
            Ok(Err(_)) | Err(_) if self.stopping.load(Ordering::Relaxed) => {
                count(&self.tally.turned_away);
                None
            }
            Ok(Err(err)) => {
                match err.kind() {
                    ErrorKind::ConnectionRefused => count(&self.tally.refused),
                    ErrorKind::ConnectionReset => count(&self.tally.reset),
                    // As there is no port left: the test is wrong, not the server.
                    _ => panic!("the client cannot connect: {err}"),
                }
                None
            }
            Err(_) => {
                count(&self.tally.refused);
                None
            }
        }
    }

    fn lose(&self, trouble: &Trouble) {
        count(match trouble {
            Trouble::Closed(ErrorKind::UnexpectedEof) | Trouble::Late => &self.tally.unanswered,
            Trouble::Closed(_) => &self.tally.reset,
            Trouble::Cut => &self.tally.cut,
            Trouble::Wrong => &self.tally.wrong,
        });
    }
}

/// Makes one connection after the other, with one request each.
pub(crate) async fn short(shared: Arc<Shared>, client: usize) {
    let mut number = 0_u64;
    while !shared.is_over() {
        number += 1;
        let before = Instant::now();
        let Some(mut stream) = shared.connect(client).await else {
            continue;
        };
        match request(&mut stream, &format!("/{client}/{number}"), "close").await {
            Ok(_) => {
                count(&shared.tally.short);
                shared.tally.took(before.elapsed());
            }
            Err(trouble) => shared.lose(&trouble),
        }
    }
}

/// Keeps its connection for as long as it can.
pub(crate) async fn kept(shared: Arc<Shared>, client: usize) {
    let mut random = Random::new(client as u64);
    let mut number = 0_u64;
    let mut connection = None;
    while !shared.is_over() {
        number += 1;
        let path = format!("/{client}/{number}");
        let before = Instant::now();
        let (mut stream, mut uses) = match connection.take() {
            Some(kept) => kept,
            None => match shared.connect(client).await {
                Some(stream) => (stream, 0),
                None => continue,
            },
        };
        let answered = match request(&mut stream, &path, "keep-alive").await {
            Err(Trouble::Closed(_)) if uses > 0 => {
                count(&shared.tally.retried);
                let Some(again) = shared.connect(client).await else {
                    continue;
                };
                (stream, uses) = (again, 0);
                request(&mut stream, &path, "keep-alive").await
            }
            answered => answered,
        };
        match answered {
            Ok(keep) => {
                count(&shared.tally.kept);
                shared.tally.took(before.elapsed());
                if keep && uses < KEPT {
                    connection = Some((stream, uses + 1));
                }
            }
            Err(trouble) => shared.lose(&trouble),
        }
        sleep(Duration::from_micros(random.below(20_000) as u64)).await;
    }
}

/// One request and its answer; whether the connection can be used again.
async fn request(stream: &mut TcpStream, path: &str, connection: &str) -> Result<bool, Trouble> {
    let mut answer = Vec::new();
    let exchanged = timeout(PATIENCE, async {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: {connection}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        loop {
            if let Some(whole) = parse(&answer) {
                return Ok(whole);
            }
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
        }
    });
    match exchanged.await {
        Ok(Ok((keep, body))) if body.starts_with(&format!("{path} by ")) => Ok(keep),
        Ok(Ok(_)) => Err(Trouble::Wrong),
        Ok(Err(err)) if answer.is_empty() => Err(Trouble::Closed(err.kind())),
        Ok(Err(_)) => Err(Trouble::Cut),
        Err(_) if answer.is_empty() => Err(Trouble::Late),
        Err(_) => Err(Trouble::Cut),
    }
}

/// A whole answer: whether the connection can be used again, and the body.
fn parse(answer: &[u8]) -> Option<(bool, String)> {
    let text = str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))?;
    (body.len() == length.parse().ok()?)
        .then(|| (head.contains("Connection: keep-alive"), body.to_owned()))
}

//! The client: one thread that keeps many connections busy, or sends by the clock.

use std::{
    collections::BTreeMap,
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::{ANSWER, Wire, peer::pause};

/// No single piece of work takes this long, unless a server hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A client on a runtime of its own.
#[derive(Debug)]
pub struct Client(Runtime);

/// Connections that have each been served once.
#[derive(Debug)]
pub struct Connections(Vec<Connection>);

/// What a worker has done since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// How often it has allocated.
    pub allocations: u64,
    /// How many connections it has accepted.
    pub connections: u64,
}

impl Work {
    /// What was done from `earlier` to `later` by the workers that are in both.
    #[must_use]
    pub fn between(earlier: &BTreeMap<u32, Self>, later: &BTreeMap<u32, Self>) -> Self {
        let mut sum = Self::default();
        for (pid, before) in earlier {
            if let Some(after) = later.get(pid) {
                sum.allocations += after.allocations - before.allocations;
                sum.connections += after.connections - before.connections;
            }
        }
        sum
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    wire: Wire,
    /// How many bytes a response has; the first one tells.
    response: usize,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// Makes a client.
    ///
    /// # Panics
    ///
    /// If the system has no resources for a runtime.
    #[must_use]
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self(runtime.expect("a runtime"))
    }

    /// Opens `count` connections at once, and has each of them served.
    pub fn connect(&self, addr: SocketAddr, wire: Wire, count: usize) -> Connections {
        let connections = (0..count).map(|_| Connection::open(addr, wire));
        Connections(self.run("connect", try_join_all(connections)))
    }

    /// Each connection makes its part of `requests`, the next one as soon as it has the answer. The
    /// result is how long that took.
    pub fn keep_busy(&self, connections: &mut Connections, requests: usize) -> Duration {
        let each = requests / connections.0.len();
        let start = Instant::now();
        let busy = connections.0.iter_mut().map(async |connection| {
            for _ in 0..each {
                connection.exchange().await?;
            }
            Ok(())
        });
        self.run("keep the server busy", try_join_all(busy));
        start.elapsed()
    }

    /// Sends `rate` requests a second, whether the server keeps up or not, and measures each from
    /// when it was due to its answer.
    pub fn by_the_clock(
        &self,
        connections: &mut Connections,
        rate: u32,
        requests: usize,
    ) -> Vec<Duration> {
        let count = connections.0.len();
        let each = requests / count;
        let request = connections.0[0].wire.request();
        let mut writers: Vec<std::net::TcpStream> = connections
            .0
            .iter()
            .map(Connection::writer)
            .collect::<io::Result<_>>()
            .expect("descriptors");
        let start = Instant::now() + Duration::from_millis(1);
        let due = move |index: usize| start + Duration::from_secs(1) * index as u32 / rate;
        std::thread::scope(|threads| {
            threads.spawn(move || {
                for index in 0..each * count {
                    pause(due(index).saturating_duration_since(Instant::now()));
                    // The send buffer has room for many requests, so this does not block.
                    writers[index % count].write_all(request).expect("a server");
                }
            });
            let answers = connections.0.iter_mut().enumerate().map(
                async |(place, connection): (usize, &mut Connection)| {
                    let mut took = Vec::with_capacity(each);
                    for turn in 0..each {
                        connection.receive(connection.response).await?;
                        took.push(due(turn * count + place).elapsed());
                    }
                    Ok(took)
                },
            );
            self.run("take the answers", try_join_all(answers)).concat()
        })
    }

    /// Makes `requests` connections for one request each, `at_once` at a time.
    pub fn one_request_each(
        &self,
        addr: SocketAddr,
        wire: Wire,
        at_once: usize,
        requests: usize,
    ) -> Duration {
        let start = Instant::now();
        let lanes = (0..at_once).map(async |_| {
            for _ in 0..requests / at_once {
                Connection::open(addr, wire).await?;
            }
            Ok(())
        });
        self.run("connect and disconnect", try_join_all(lanes));
        start.elapsed()
    }

    /// Opens `rate` connections a second for one request each, whether the server keeps up or not,
    /// and measures each from when it was due until its answer. The rate is a multiple of 1,000.
    pub fn connect_by_the_clock(
        &self,
        addr: SocketAddr,
        wire: Wire,
        rate: u32,
        requests: usize,
    ) -> Vec<Duration> {
        self.run("connect by the clock", async {
            let mut ticks = tokio::time::interval(Duration::from_millis(1));
            let mut asked = Vec::with_capacity(requests);
            while asked.len() < requests {
                let due = ticks.tick().await;
                asked.extend((0..rate / 1000).map(|_| {
                    tokio::spawn(async move {
                        Connection::open(addr, wire).await?;
                        io::Result::Ok(due.elapsed())
                    })
                }));
            }
            let mut took = Vec::with_capacity(requests);
            for answered in asked {
                took.push(answered.await.map_err(io::Error::other)??);
            }
            Ok(took)
        })
    }

    /// What each worker that has one of the connections has done so far, by pid.
    pub fn work(&self, connections: &mut Connections) -> BTreeMap<u32, Work> {
        self.run("ask what was done", async {
            let mut done = BTreeMap::new();
            for connection in &mut connections.0 {
                let question = connection.wire.question();
                connection.stream.write_all(question).await?;
                let mut answer = [0; ANSWER];
                connection.stream.read_exact(&mut answer).await?;
                let text = String::from_utf8_lossy(&answer);
                let numbers: Vec<u64> = text
                    .split_whitespace()
                    .filter_map(|number| number.parse().ok())
                    .collect();
                if let [pid, allocations, connections] = numbers[..] {
                    let work = Work {
                        allocations,
                        connections,
                    };
                    done.insert(u32::try_from(pid).unwrap_or(0), work);
                }
            }
            Ok(done)
        })
    }

    fn run<T>(&self, what: &str, work: impl Future<Output = io::Result<T>>) -> T {
        match self.0.block_on(async { timeout(LIMIT, work).await }) {
            Ok(Ok(done)) => done,
            Ok(Err(err)) => panic!("cannot {what}: {err}"),
            Err(_) => panic!("cannot {what} in {LIMIT:?}"),
        }
    }
}

impl Connections {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Connection {
    async fn open(addr: SocketAddr, wire: Wire) -> io::Result<Self> {
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        stream.write_all(wire.request()).await?;
        let mut first = Vec::with_capacity(1024);
        while !is_complete(wire, &first) {
            if stream.read_buf(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self {
            stream,
            wire,
            response: first.len(),
        })
    }

    async fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(self.wire.request()).await?;
        self.receive(self.response).await
    }

    async fn receive(&mut self, bytes: usize) -> io::Result<()> {
        let mut buffer = [0; 1024];
        self.stream.read_exact(&mut buffer[..bytes]).await.map(drop)
    }

    /// A handle to the same socket, for another thread.
    fn writer(&self) -> io::Result<std::net::TcpStream> {
        use std::os::fd::AsFd as _;
        Ok(self.stream.as_fd().try_clone_to_owned()?.into())
    }
}

fn is_complete(wire: Wire, response: &[u8]) -> bool {
    match wire {
        Wire::Http => response.ends_with(b"\r\n\r\nHello, world\n"),
        Wire::Echo => response.len() == wire.request().len(),
    }
}

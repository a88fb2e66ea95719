//! A Unix socket on which the people who run the server can see into it and tell it what to do.
//!
//! A request is a line of text, and its answer a line of JSON; the module page has
//! the list. Nothing here waits for a client: what a client does not read is kept, up to a limit,
//! and a client that goes beyond a limit is shut out.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use nix::poll::PollFlags;
use socket2::Socket;

use super::{bind, inherited::Inherited, json::Json, listen::Listen, socket_file::SocketFile};

/// No request is longer.
const LONGEST_REQUEST: usize = 256;
/// What is kept for a client that does not read.
const MOST_UNREAD: usize = 8 << 20;
/// More clients than anyone needs.
const MOST_CLIENTS: usize = 32;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Status,
    Tree,
    Reload,
    Scale(usize),
    Upgrade,
    Stop,
}

impl Request {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_ascii_whitespace();
        let request = match (words.next(), words.next()) {
            (Some("status"), None) => Self::Status,
            (Some("tree"), None) => Self::Tree,
            (Some("reload"), None) => Self::Reload,
            (Some("upgrade"), None) => Self::Upgrade,
            (Some("stop"), None) => Self::Stop,
            (Some("scale"), Some(number)) => match number.parse() {
                Ok(number @ 1..) => Self::Scale(number),
                _ => return Err(format!("scale takes a number from 1, not `{number}`")),
            },
            (Some("scale"), None) => return Err("scale takes the number of workers".into()),
            _ => {
                return Err(
                    "unknown request: there are status, tree, reload, scale N, upgrade, stop"
                        .into(),
                );
            }
        };
        match words.next() {
            None => Ok(request),
            Some(word) => Err(format!("`{word}` is one word too many")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientId(u64);

#[derive(Debug)]
pub(super) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    file: Option<SocketFile>,
    clients: Vec<Client>,
    next: u64,
}

#[derive(Debug)]
struct Client {
    id: ClientId,
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// It says no more.
    closing: bool,
    /// It is not to be told anything more.
    gone: bool,
    /// Requests that are not answered yet.
    pending: usize,
}

impl ControlSocket {
    /// Listens at `path`, or goes on with the socket of the server before an upgrade.
    pub(super) fn bind(path: &Path, inherited: &mut Inherited) -> io::Result<Self> {
        let passed = inherited.named(&key(path)).into_iter().next();
        let (socket, file): (Socket, _) = match passed {
            Some(socket) => (socket, None),
            None => {
                let listen = Listen::unix(path).mode(0o600).backlog(16);
                let (socket, file) = bind::unix(path, &listen)?;
                (socket, Some(file))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            listener: socket.into(),
            file,
            clients: Vec::new(),
            next: 0,
        })
    }

    /// What to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        // One that has hung up would end each wait, until it has its answer.
        let clients = self.clients.iter().filter_map(|client| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, !client.closing);
            flags.set(PollFlags::POLLOUT, !client.output.is_empty());
            (!flags.is_empty()).then(|| (client.stream.as_fd(), flags))
        });
        clients.chain([(self.listener.as_fd(), PollFlags::POLLIN)])
    }

    /// The socket, for the server that takes this one's place.
    pub(super) fn to_pass(&self) -> (String, BorrowedFd<'_>) {
        (key(&self.path), self.listener.as_fd())
    }

    /// Leaves the socket to the server that has taken this one's place.
    pub(super) fn hand_over(&mut self) {
        if let Some(file) = &mut self.file {
            file.disown();
        }
    }

    /// Takes the socket over from the server that was here before.
    pub(super) fn take_over(&mut self) {
        self.file
            .get_or_insert_with(|| SocketFile::adopt(&self.path));
    }

    /// Reads, writes and accepts as far as that goes now. What is asked for is returned; mistakes
    /// are answered here.
    pub(super) fn turn(&mut self) -> Vec<(ClientId, Request)> {
        self.accept();
        let mut requests = Vec::new();
        for client in &mut self.clients {
            client.write();
            client.read();
            while let Some(line) = client.line() {
                match Request::parse(&line) {
                    Ok(request) => {
                        client.pending += 1;
                        requests.push((client.id, request));
                    }
                    Err(text) => client.say(&error(text)),
                }
            }
        }
        self.clients.retain(|client| {
            let waits = client.pending > 0 || !client.output.is_empty();
            !client.closing || waits
        });
        requests
    }

    /// Answers a request; each is answered once. A client that is gone is no concern.
    pub(super) fn answer(&mut self, id: ClientId, answer: &Json) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
            client.pending = client.pending.saturating_sub(1);
            client.say(answer);
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let mut client = Client {
                id: ClientId(self.next),
                stream,
                input: Vec::new(),
                output: Vec::new(),
                closing: false,
                gone: false,
                pending: 0,
            };
            self.next += 1;
            if !is_allowed(&client.stream) {
                tracing::warn!("a stranger was turned away from the control socket");
                client.say(&error("this is for root and the user of the server"));
            } else if self.clients.len() >= MOST_CLIENTS {
                client.say(&error("too many clients"));
            } else {
                self.clients.push(client);
            }
        }
    }
}

/// Whether the other side is root, or the user that this process runs as. The mode of the file says
/// the same, but someone may change that.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_allowed(stream: &UnixStream) -> bool {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    getsockopt(stream, PeerCredentials)
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == nix::unistd::geteuid().as_raw())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_allowed(stream: &UnixStream) -> bool {
    nix::unistd::getpeereid(stream)
        .is_ok_and(|(uid, _)| uid.is_root() || uid == nix::unistd::geteuid())
}

fn key(path: &Path) -> String {
    format!("control/{}", path.display())
}

/// The answer to what cannot be done.
pub(super) fn error(text: impl Into<String>) -> Json {
    Json::Object(vec![
        ("ok", Json::Bool(false)),
        ("error", Json::Text(text.into())),
    ])
}

/// The answer to what is being done.
pub(super) fn accepted() -> Json {
    Json::Object(vec![("ok", Json::Bool(true))])
}

impl Client {
    fn read(&mut self) {
        let mut chunk = [0; 1024];
        while !self.closing && self.input.len() <= LONGEST_REQUEST {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closing = true,
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.give_up(),
            }
        }
    }

    /// The next whole line of what has been read.
    fn line(&mut self) -> Option<String> {
        match self.input.iter().position(|byte| *byte == b'\n') {
            Some(end) if end <= LONGEST_REQUEST => {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                Some(String::from_utf8_lossy(&line).trim().to_owned())
            }
            None if self.input.len() <= LONGEST_REQUEST => None,
            _ => {
                self.say(&error("the request is too long"));
                self.input.clear();
                self.closing = true;
                None
            }
        }
    }

    fn say(&mut self, answer: &Json) {
        if self.gone {
            return;
        }
        self.output
            .extend_from_slice(format!("{answer}\n").as_bytes());
        self.write();
        if self.output.len() > MOST_UNREAD {
            self.give_up();
        }
    }

    fn write(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(n) => drop(self.output.drain(..n)),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.give_up(),
            }
        }
    }

    fn give_up(&mut self) {
        (self.closing, self.gone) = (true, true);
        self.pending = 0;
        self.output.clear();
        self.input.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        time::Duration,
    };

    use super::*;

    struct Pair {
        server: ControlSocket,
        path: PathBuf,
    }

    impl Pair {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("aiotools-ctl-{name}-{}", std::process::id()));
            let server = ControlSocket::bind(&path, &mut Inherited::default()).unwrap();
            Self { server, path }
        }

        fn client(&self) -> UnixStream {
            let client = UnixStream::connect(&self.path).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            client
        }
    }

    fn read(client: &UnixStream) -> String {
        let mut line = String::new();
        BufReader::new(client).read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn control_socket_requests_and_answers() {
        let mut pair = Pair::new("ask");
        let mut client = pair.client();
        client.write_all(b"status\nscale 3\r\nsca").unwrap();
        let asked = pair.server.turn();
        let requests: Vec<_> = asked.iter().map(|(_, request)| *request).collect();
        assert_eq!(requests, [Request::Status, Request::Scale(3)]);
        for (id, _) in &asked {
            pair.server.answer(*id, &accepted());
        }
        client.write_all(b"le 0\nnonsense\nscale 2 3\n").unwrap();
        assert_eq!(pair.server.turn(), []);
        let mut lines = BufReader::new(&client).lines();
        for _ in &asked {
            assert_eq!(lines.next().unwrap().unwrap(), "{\"ok\":true}");
        }
        for text in ["from 1", "unknown request", "too many"] {
            let line = lines.next().unwrap().unwrap();
            assert!(
                line.contains(text) && line.contains("\"ok\":false"),
                "{line}"
            );
        }
        drop(lines);
        drop(client);
        pair.server.turn();
        assert!(pair.server.clients.is_empty());
    }

    #[test]
    fn control_socket_sends_away_who_asks_too_much() {
        let mut pair = Pair::new("long");
        let mut client = pair.client();
        client.write_all(&[b'x'; 4096]).unwrap();
        assert_eq!(pair.server.turn(), []);
        assert!(read(&client).contains("too long"));
        assert!(pair.server.clients.is_empty());
        let all: Vec<_> = (0..MOST_CLIENTS)
            .map(|_| {
                let client = pair.client();
                pair.server.turn();
                client
            })
            .collect();
        let late = pair.client();
        pair.server.turn();
        assert!(read(&late).contains("too many clients"));
        drop(all);
    }

    #[test]
    fn control_socket_never_waits_for_a_client() {
        let mut pair = Pair::new("slow");
        let mut client = pair.client();
        client.write_all(b"tree\n").unwrap();
        let (id, _) = pair.server.turn()[0];
        let big = Json::text("x".repeat(1 << 20));
        for _ in 0..20 {
            pair.server.answer(id, &big);
        }
        pair.server.turn();
        assert!(pair.server.clients.is_empty());
        drop(pair.server);
        assert!(!pair.path.exists());
    }
}

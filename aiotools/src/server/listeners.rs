//! The listening sockets of a server: bound once, by the parent, and inherited by each worker.
//!
//! All workers accept from the one queue of each listener, so that the end of a worker loses no
//! connection. The end of the *server* would: what waits in the queue when the last descriptor is
//! closed is reset. So the parent first [shuts the door](Listeners::shut) and lets the workers,
//! which are still serving, empty the queue; only then are they told to stop.
//!
//! # Invariants
//!
//! - L1. The door is shut, and socket files are removed, only by the process that the sockets
//!   belong to. During an upgrade two servers have the same sockets, which belong to the old one
//!   until it [hands them over](Listeners::hand_over). What the new one has no use for stays with the
//!   old one, which shuts it like any other when it stops.
//! - L2. Two listeners that were asked for are two, whatever their addresses are.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixListener,
    },
    path::Path,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::Socket;

use super::{
    ServerError, bind, door,
    error::Kind,
    inherited::{Inherited, Local},
    listen::{Listen, Place},
    reuse_port::Group,
    socket_file::SocketFile,
};

#[derive(Debug, Default)]
pub(super) struct Listeners {
    all: Vec<Listener>,
}

#[derive(Debug)]
struct Listener {
    listen: Listen,
    local: Local,
    sockets: Sockets,
    file: Option<SocketFile>,
    /// See L1.
    ours: bool,
}

#[derive(Debug)]
enum Sockets {
    /// One for all workers.
    Shared(Socket),
    PerWorker(Group),
}

impl Listeners {
    /// Takes what was passed, and binds the rest. `ours` is whether what was passed belongs to us
    /// right away; `steered: false` does without the program that chooses a worker.
    pub(super) fn bind(
        wanted: &[Listen],
        inherited: &mut Inherited,
        workers: usize,
        ours: bool,
        steered: bool,
    ) -> Result<Self, ServerError> {
        let mut listeners = Self::default();
        for listen in wanted {
            let bound =
                Listener::bind(listen, inherited, workers, ours, steered).map_err(|source| {
                    ServerError::new(Kind::Bind {
                        what: listen.to_string(),
                        source,
                    })
                })?;
            listeners.all.extend(bound);
        }
        let left = inherited.names();
        if !left.is_empty() {
            tracing::warn!(sockets = ?left, "passed sockets that no listener asks for are closed");
        }
        Ok(listeners)
    }

    /// The addresses that the TCP listeners have, in the order in which they were asked for.
    pub(super) fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.all.iter().filter_map(|listener| match listener.local {
            Local::Tcp(addr) => Some(addr),
            Local::Unix(_) => None,
        })
    }

    /// Handles to all TCP listeners that are called `what`: by name, else by the text that they were
    /// asked for with, else by their address.
    pub(super) fn tcp(&self, what: &str) -> io::Result<Vec<TcpListener>> {
        let asked = what.parse().ok();
        let tcp = |listener: &&Listener| matches!(listener.local, Local::Tcp(_));
        let found = self.find(
            what,
            tcp,
            |place| matches!(place, Place::Tcp(addr) if addr == what),
            |local| matches!(local, Local::Tcp(addr) if Some(*addr) == asked),
        )?;
        let clone = |socket: &Socket| socket.try_clone().map(Into::into);
        found.into_iter().map(clone).collect()
    }

    /// Handles to all Unix listeners that are called `what`: by name, else by path.
    pub(super) fn unix(&self, what: &Path) -> io::Result<Vec<UnixListener>> {
        let unix = |listener: &&Listener| matches!(listener.local, Local::Unix(_));
        let found = self.find(
            &what.display().to_string(),
            unix,
            |place| matches!(place, Place::Unix(path) if path == what),
            |local| matches!(local, Local::Unix(path) if path == what),
        )?;
        let clone = |socket: &Socket| socket.try_clone().map(Into::into);
        found.into_iter().map(clone).collect()
    }

    fn find<'a>(
        &'a self,
        what: &str,
        kind: impl Fn(&&'a Listener) -> bool,
        by_place: impl Fn(&Place) -> bool,
        by_local: impl Fn(&Local) -> bool,
    ) -> io::Result<Vec<&'a Socket>> {
        let matching = |matches: &dyn Fn(&Listener) -> bool| -> Vec<&'a Listener> {
            let of_kind = self.all.iter().filter(&kind);
            of_kind.filter(|listener| matches(listener)).collect()
        };
        let mut found = matching(&|listener| listener.listen.label() == Some(what));
        if found.is_empty() {
            found = matching(&|listener| by_place(&listener.listen.place));
        }
        if found.is_empty() {
            found = matching(&|listener| by_local(&listener.local));
        }
        if found.is_empty() {
            return Err(self.unknown(what));
        }
        Ok(found
            .into_iter()
            .filter_map(|listener| listener.sockets.any())
            .collect())
    }

    fn unknown(&self, what: &str) -> io::Error {
        let bound: Vec<String> = self.all.iter().map(ToString::to_string).collect();
        let text = if bound.is_empty() {
            format!(
                "the server does not listen on {what}: nothing is bound, give start_server(..) a bind(\"{what}\")"
            )
        } else {
            format!(
                "the server does not listen on {what}, but on {}",
                bound.join(", ")
            )
        };
        io::Error::new(io::ErrorKind::AddrNotAvailable, text)
    }

    /// Makes what a worker with this index needs that is not there yet.
    pub(super) fn provide(&mut self, index: usize) -> io::Result<()> {
        for listener in &mut self.all {
            if let Sockets::PerWorker(group) = &mut listener.sockets {
                group.provide(index, |addr| bind::tcp_member(addr, &listener.listen))?;
            }
        }
        Ok(())
    }

    /// Whether there is a listener of which each worker has a queue of its own.
    pub(super) fn are_per_worker(&self) -> bool {
        let per_worker = |listener: &Listener| matches!(listener.sockets, Sockets::PerWorker(_));
        self.all.iter().any(per_worker)
    }

    /// Whether all sockets belong to this server.
    pub(super) fn are_ours(&self) -> bool {
        self.all.iter().all(|listener| listener.ours)
    }

    fn own(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().filter(|listener| listener.ours)
    }

    /// Says which workers there are to connect to.
    pub(super) fn steer(&mut self, indexes: &[usize]) {
        for listener in &mut self.all {
            if let Sockets::PerWorker(group) = &mut listener.sockets {
                group.steer(indexes);
            }
        }
    }

    /// Lets no new connection into the queues, as far as the system can do that; those that wait in
    /// them stay.
    ///
    /// On Linux, a filter drops what would open a TCP connection; the client tries again in a
    /// second, and finds the port closed or someone else's. A Unix socket is taken out of the file
    /// system.
    pub(super) fn shut(&mut self) {
        for listener in self.all.iter_mut().filter(|listener| listener.ours) {
            if let Some(file) = &mut listener.file {
                file.remove();
            }
            if let Local::Tcp(_) = listener.local {
                listener.sockets.iter().for_each(door::drop_handshakes);
            }
        }
    }

    /// Whether a connection waits in one of our queues.
    pub(super) fn has_waiting(&self) -> bool {
        any_waiting(self.own().flat_map(|listener| listener.sockets.iter()))
    }

    /// Whether a connection waits for the worker with this index, and for no other one.
    pub(super) fn has_waiting_for(&self, index: usize) -> bool {
        any_waiting(self.queue(index))
    }

    /// The sockets of one index, where each has its own.
    pub(super) fn queue(&self, index: usize) -> impl Iterator<Item = &Socket> {
        self.all
            .iter()
            .filter_map(move |listener| match &listener.sockets {
                Sockets::Shared(_) => None,
                Sockets::PerWorker(group) => group.own(index),
            })
    }

    /// The indexes that may have a socket of their own are below this.
    pub(super) fn queues(&self) -> usize {
        let queues = |listener: &Listener| match &listener.sockets {
            Sockets::Shared(_) => 0,
            Sockets::PerWorker(group) => group.len(),
        };
        self.all.iter().map(queues).max().unwrap_or(0)
    }

    /// In a worker: leaves the socket files to the parent, and the other workers' sockets to them.
    pub(super) fn for_worker(self, index: usize) -> Self {
        let own = |mut listener: Listener| {
            if let Some(file) = &mut listener.file {
                file.disown();
            }
            let sockets = match listener.sockets {
                Sockets::Shared(socket) => socket,
                Sockets::PerWorker(group) => group.into_one(index)?,
            };
            Some(Listener {
                sockets: Sockets::Shared(sockets),
                ours: false,
                ..listener
            })
        };
        Self {
            all: self.all.into_iter().filter_map(own).collect(),
        }
    }

    /// The sockets, for a server to take this one's place.
    pub(super) fn to_pass(&self) -> Vec<ToPass<'_>> {
        let mut all = Vec::new();
        for (listener, of) in self.all.iter().enumerate() {
            all.extend(of.sockets.iter().map(|socket| ToPass {
                listener,
                name: key(&of.listen),
                fd: socket.as_fd(),
            }));
        }
        all
    }

    /// Leaves the sockets to the server that has taken this one's place, apart from those of the
    /// listeners that it has no use for.
    pub(super) fn hand_over(&mut self, unwanted: &[usize]) {
        for (number, listener) in self.all.iter_mut().enumerate() {
            listener.ours &= unwanted.contains(&number);
            if let Some(file) = &mut listener.file
                && !listener.ours
            {
                file.disown();
            }
        }
    }

    /// Takes the sockets over from the server that was here before.
    pub(super) fn take_over(&mut self) {
        for listener in self.all.iter_mut().filter(|listener| !listener.ours) {
            listener.ours = true;
            if let Some(path) = listener.listen.unix_path() {
                listener.file = Some(SocketFile::adopt(path));
            }
        }
    }
}

/// A socket for another server.
pub(super) struct ToPass<'a> {
    /// Whose it is, by number.
    pub(super) listener: usize,
    /// The name that [`Listeners::bind`] finds it by.
    pub(super) name: String,
    pub(super) fd: BorrowedFd<'a>,
}

fn any_waiting<'a>(sockets: impl Iterator<Item = &'a Socket>) -> bool {
    let mut fds: Vec<_> = sockets
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
        .collect();
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(ready) if ready > 0)
}

/// What a listener is called when it is passed on. The address, and not the name, as another address
/// of the same name is another listener.
fn key(listen: &Listen) -> String {
    match &listen.place {
        Place::Tcp(addr) => format!("tcp/{addr}"),
        Place::Unix(path) => format!("unix/{}", path.display()),
        Place::Activated(name) => name.clone(),
    }
}

impl Listener {
    /// One, or all of those that were passed under one name.
    fn bind(
        listen: &Listen,
        inherited: &mut Inherited,
        workers: usize,
        ours: bool,
        steered: bool,
    ) -> io::Result<Vec<Self>> {
        if let Place::Activated(name) = &listen.place {
            let passed = inherited.named(name);
            return match listen.fallback() {
                _ if !passed.is_empty() => passed
                    .into_iter()
                    .map(|socket| Self::passed(listen, vec![socket], ours, steered))
                    .collect(),
                Some(fallback) => Self::bind(&fallback, inherited, workers, ours, steered),
                None => Err(not_passed(inherited)),
            };
        }
        let passed = inherited.group(&key(listen));
        if !passed.is_empty() {
            return Self::passed(listen, passed, ours, steered).map(|listener| vec![listener]);
        }
        let (sockets, local, file) = match &listen.place {
            Place::Unix(path) => {
                let (socket, file) = bind::unix(path, listen)?;
                (
                    Sockets::Shared(socket),
                    Local::Unix(path.clone()),
                    Some(file),
                )
            }
            Place::Tcp(addr) | Place::Activated(addr) => {
                let (first, local) = bind::tcp(addr, listen)?;
                let sockets = if listen.reuse_port {
                    let others = (1..workers).map(|_| bind::tcp_member(local, listen));
                    let all = [Ok(first)]
                        .into_iter()
                        .chain(others)
                        .collect::<io::Result<_>>()?;
                    Sockets::PerWorker(Group::new(all, local, steered)?)
                } else {
                    Sockets::Shared(first)
                };
                (sockets, Local::Tcp(local), None)
            }
        };
        Ok(vec![Self {
            listen: listen.clone(),
            local,
            sockets,
            file,
            ours: true,
        }])
    }

    /// Of sockets that listen already: those of one group, or a single one.
    fn passed(
        listen: &Listen,
        mut sockets: Vec<Socket>,
        ours: bool,
        steered: bool,
    ) -> io::Result<Self> {
        let local = Local::of(&sockets[0])?;
        if let Some(backlog) = listen.backlog {
            for socket in &sockets {
                socket.listen(bind::backlog(backlog))?;
            }
        }
        let group = |sockets, addr| {
            if ours {
                Group::new(sockets, addr, steered)
            } else {
                Ok(Group::borrowed(sockets, addr, steered))
            }
        };
        let sockets = match (&local, sockets.len()) {
            (Local::Tcp(addr), 2..) => Sockets::PerWorker(group(sockets, *addr)?),
            (Local::Tcp(addr), _) if listen.reuse_port && bind::is_member(&sockets[0]) => {
                Sockets::PerWorker(group(sockets, *addr)?)
            }
            _ => Sockets::Shared(sockets.remove(0)),
        };
        Ok(Self {
            listen: listen.clone(),
            local,
            sockets,
            file: None,
            ours,
        })
    }
}

fn not_passed(inherited: &Inherited) -> io::Error {
    let passed = inherited.names();
    let passed = if passed.is_empty() {
        "none was".to_owned()
    } else {
        format!("only {} was", passed.join(", "))
    };
    io::Error::new(
        io::ErrorKind::NotFound,
        format!(
            "no socket of this name was passed, {passed}: start the server by its socket unit, with FileDescriptorName=, \
             or say with or(..) where to listen instead"
        ),
    )
}

impl Sockets {
    /// The one that this worker uses; in the parent, whichever.
    fn any(&self) -> Option<&Socket> {
        match self {
            Self::Shared(socket) => Some(socket),
            Self::PerWorker(group) => group.any(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Socket> {
        let (one, group) = match self {
            Self::Shared(socket) => (Some(socket), None),
            Self::PerWorker(group) => (None, Some(group)),
        };
        one.into_iter()
            .chain(group.into_iter().flat_map(Group::iter))
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.listen.to_string();
        let local = match &self.local {
            Local::Tcp(addr) => addr.to_string(),
            Local::Unix(path) => path.display().to_string(),
        };
        match self.listen.label() {
            Some(name) => write!(f, "{name} ({local})"),
            None if asked == local => f.write_str(&asked),
            None => write!(f, "{asked} ({local})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
        time::Duration,
    };

    use super::*;

    fn bind(wanted: &[Listen]) -> Result<Listeners, ServerError> {
        Listeners::bind(wanted, &mut Inherited::default(), 1, true, true)
    }

    fn any_port() -> Listeners {
        bind(&[Listen::tcp("127.0.0.1:0")]).unwrap()
    }

    fn address(found: io::Result<Vec<TcpListener>>) -> SocketAddr {
        found.unwrap()[0].local_addr().unwrap()
    }

    #[test]
    fn listeners_are_found_by_spec_and_by_address() {
        let listeners = any_port();
        let local = listeners.local_addrs().next().unwrap();
        assert_ne!(local.port(), 0);
        assert_eq!(address(listeners.tcp("127.0.0.1:0")), local);
        assert_eq!(address(listeners.tcp(&local.to_string())), local);
        let err = listeners.tcp("127.0.0.1:1").unwrap_err().to_string();
        assert_eq!(
            err,
            format!("the server does not listen on 127.0.0.1:1, but on 127.0.0.1:0 ({local})")
        );
        assert!(
            Listeners::default()
                .tcp("x:1")
                .unwrap_err()
                .to_string()
                .contains("bind(\"x:1\")")
        );
    }

    /// Pingora once had one socket for both: cloudflare/pingora#990.
    #[test]
    fn listeners_on_the_same_text_stay_two() {
        let listeners = bind(&[
            Listen::tcp("127.0.0.1:0"),
            Listen::tcp("127.0.0.1:0").name("second"),
        ])
        .unwrap();
        let addrs: Vec<_> = listeners.local_addrs().collect();
        assert_ne!(addrs[0], addrs[1]);
        assert_eq!(listeners.tcp("127.0.0.1:0").unwrap().len(), 2);
        assert_eq!(address(listeners.tcp("second")), addrs[1]);
        assert_eq!(address(listeners.tcp(&addrs[1].to_string())), addrs[1]);
        let passed = listeners.to_pass();
        assert_eq!(passed.len(), 2);
        assert_eq!(passed[0].name, passed[1].name);
        assert_eq!((passed[0].listener, passed[1].listener), (0, 1));
    }

    #[test]
    fn listeners_name_the_address_in_use() {
        let local = any_port();
        let taken = local.local_addrs().next().unwrap().to_string();
        for listen in [Listen::tcp(&taken), Listen::tcp(&taken).reuse_port(true)] {
            let err = bind(&[listen]).unwrap_err();
            assert!(err.is_bind());
            assert_eq!(err.to_string(), format!("cannot listen on {taken}"));
            assert!(
                format!("{err:?}").to_lowercase().contains("in use"),
                "{err:?}"
            );
        }
    }

    #[test]
    fn listeners_that_nobody_passed_fall_back() {
        let err = bind(&[Listen::activated("web")]).unwrap_err();
        assert!(
            format!("{err:?}").contains("FileDescriptorName="),
            "{err:?}"
        );
        let listeners = bind(&[Listen::activated("web").or(Listen::tcp("127.0.0.1:0"))]).unwrap();
        let local = listeners.local_addrs().next().unwrap();
        assert_eq!(address(listeners.tcp("web")), local);
        assert_eq!(address(listeners.tcp("127.0.0.1:0")), local);
        assert!(listeners.unix(Path::new("web")).is_err());
    }

    #[test]
    fn listeners_ipv6_only_is_as_asked() {
        for only in [true, false] {
            let listeners = match bind(&[Listen::tcp("[::]:0").only_v6(only)]) {
                Ok(listeners) => listeners,
                Err(err) => {
                    println!("left out, as there is no IPv6 here: {err:?}");
                    return;
                }
            };
            let port = listeners.local_addrs().next().unwrap().port();
            let by_v4 = TcpStream::connect(("127.0.0.1", port));
            assert_eq!(by_v4.is_ok(), !only, "{by_v4:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn listeners_shut_let_the_queue_be_served() {
        let mut listeners = any_port();
        let local = listeners.local_addrs().next().unwrap();
        assert!(!listeners.has_waiting());
        let mut early = TcpStream::connect(local).unwrap();
        assert!(listeners.has_waiting());
        listeners.shut();
        let late = TcpStream::connect_timeout(&local, Duration::from_millis(100));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut served, _) = listeners.tcp("127.0.0.1:0").unwrap()[0].accept().unwrap();
        assert!(!listeners.has_waiting());
        // The filter is inherited by the connection, and must not be in its way.
        early.write_all(b"ping").unwrap();
        let mut bytes = [0; 4];
        served.read_exact(&mut bytes).unwrap();
        served.write_all(&bytes).unwrap();
        early.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"ping");
    }

    #[test]
    fn listeners_that_are_handed_over_are_left_alone() {
        let path = std::env::temp_dir().join(format!("aiotools-over-{}.sock", std::process::id()));
        let mut listeners = bind(&[Listen::tcp("127.0.0.1:0"), Listen::unix(&path)]).unwrap();
        let local = listeners.local_addrs().next().unwrap();
        listeners.hand_over(&[]);
        listeners.shut();
        TcpStream::connect(local).unwrap();
        assert!(!listeners.has_waiting());
        listeners.take_over();
        assert!(listeners.has_waiting());
        drop(listeners);
        assert!(!path.exists());
    }
}

//! The listening sockets of a server: bound once, by the parent, and inherited by each worker.
//!
//! All workers accept from the one queue of each listener, so that the end of a worker loses no
//! connection. The end of the *server* would: what waits in the queue when the last descriptor is
//! closed is reset. So the parent first [shuts the door](Listeners::shut) and lets the workers,
//! which are still serving, empty the queue; only then are they told to stop.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{ServerError, door, error::Kind, socket_file::SocketFile};

/// How many connections may wait for a worker, per listener; the kernel may allow fewer
/// (`net.core.somaxconn`).
const BACKLOG: i32 = 1024;

/// Where to listen, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spec {
    Tcp(String),
    Unix(PathBuf),
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => f.write_str(addr),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Listeners(Vec<Listener>);

#[derive(Debug)]
enum Listener {
    Tcp {
        spec: String,
        local: SocketAddr,
        socket: TcpListener,
    },
    Unix {
        path: PathBuf,
        socket: UnixListener,
        file: SocketFile,
    },
}

impl Listeners {
    pub(super) fn bind(specs: &[Spec]) -> Result<Self, ServerError> {
        let bind = |spec| {
            Listener::bind(spec).map_err(|source| {
                let mut what = spec.to_string();
                if matches!(spec, Spec::Unix(_)) && source.kind() == io::ErrorKind::AddrInUse {
                    what.push_str(" (if no server is using this socket file, remove it)");
                }
                ServerError::new(Kind::Bind { what, source })
            })
        };
        specs.iter().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// The addresses that the TCP listeners have, in the order in which they were asked for.
    pub(super) fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().filter_map(|listener| match listener {
            Listener::Tcp { local, .. } => Some(*local),
            Listener::Unix { .. } => None,
        })
    }

    /// A handle to the TCP listener that was asked for as `addr`, or that has this address.
    pub(super) fn tcp(&self, addr: &str) -> io::Result<TcpListener> {
        let asked = addr.parse().ok();
        let tcp = |listener: &'_ Listener| match listener {
            Listener::Tcp {
                spec,
                local,
                socket,
            } => Some((spec.clone(), *local, socket.try_clone())),
            Listener::Unix { .. } => None,
        };
        let by_spec = self
            .0
            .iter()
            .filter_map(tcp)
            .find(|(spec, ..)| spec == addr);
        let found = by_spec.or_else(|| {
            self.0
                .iter()
                .filter_map(tcp)
                .find(|(_, local, _)| Some(*local) == asked)
        });
        found.map_or_else(|| Err(self.unknown(addr)), |(.., socket)| socket)
    }

    /// A handle to the Unix listener at `path`.
    pub(super) fn unix(&self, path: &Path) -> io::Result<UnixListener> {
        let socket = self.0.iter().find_map(|listener| match listener {
            Listener::Unix {
                path: own, socket, ..
            } if own == path => Some(socket.try_clone()),
            _ => None,
        });
        socket.unwrap_or_else(|| Err(self.unknown(&path.display().to_string())))
    }

    fn unknown(&self, what: &str) -> io::Error {
        let bound: Vec<String> = self.0.iter().map(ToString::to_string).collect();
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

    /// Lets no new connection into the queues, as far as the system can do that; those that wait in
    /// them stay.
    ///
    /// On Linux, a filter drops what would open a TCP connection; the client tries again in a
    /// second, and finds the port closed or someone else's. A Unix socket is taken out of the file
    /// system.
    pub(super) fn shut(&mut self) {
        for listener in &mut self.0 {
            match listener {
                Listener::Tcp { socket, .. } => door::drop_handshakes(socket),
                Listener::Unix { file, .. } => file.remove(),
            }
        }
    }

    /// Whether a connection waits in one of the queues.
    pub(super) fn has_waiting(&self) -> bool {
        let mut fds: Vec<_> = self
            .0
            .iter()
            .map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN))
            .collect();
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(ready) if ready > 0)
    }

    /// In a worker: leaves the socket files to the parent.
    pub(super) fn disown_files(&mut self) {
        for listener in &mut self.0 {
            if let Listener::Unix { file, .. } = listener {
                file.disown();
            }
        }
    }
}

impl Listener {
    fn bind(spec: &Spec) -> io::Result<Self> {
        match spec {
            Spec::Tcp(spec) => {
                let socket = bind_tcp(spec)?;
                Ok(Self::Tcp {
                    spec: spec.clone(),
                    local: socket.local_addr()?,
                    socket,
                })
            }
            Spec::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&SockAddr::unix(path)?)?;
                let file = SocketFile::new(path);
                listen(&socket)?;
                Ok(Self::Unix {
                    path: path.clone(),
                    socket: socket.into(),
                    file,
                })
            }
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { spec, local, .. } if *spec == local.to_string() => f.write_str(spec),
            Self::Tcp { spec, local, .. } => write!(f, "{spec} ({local})"),
            Self::Unix { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp { socket, .. } => socket.as_fd(),
            Self::Unix { socket, .. } => socket.as_fd(),
        }
    }
}

/// Listens on the first of the addresses behind `spec` that can be had.
fn bind_tcp(spec: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for addr in spec.to_socket_addrs()? {
        let bound = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))
            .and_then(|socket| {
                // The connections of a server that ran here before may still be in TIME_WAIT.
                socket.set_reuse_address(true)?;
                socket.bind(&addr.into())?;
                listen(&socket)?;
                Ok(socket)
            });
        match bound {
            Ok(socket) => return Ok(socket.into()),
            Err(err) => last = err,
        }
    }
    Err(last)
}

fn listen(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        net::TcpStream,
        time::Duration,
    };

    use super::*;

    fn any_port() -> Listeners {
        Listeners::bind(&[Spec::Tcp("127.0.0.1:0".into())]).unwrap()
    }

    #[test]
    fn listeners_are_found_by_spec_and_by_address() {
        let listeners = any_port();
        let local = listeners.local_addrs().next().unwrap();
        assert_ne!(local.port(), 0);
        assert_eq!(
            listeners.tcp("127.0.0.1:0").unwrap().local_addr().unwrap(),
            local
        );
        assert_eq!(
            listeners
                .tcp(&local.to_string())
                .unwrap()
                .local_addr()
                .unwrap(),
            local
        );
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

    #[test]
    fn listeners_name_the_address_in_use() {
        let local = any_port();
        let taken = local.local_addrs().next().unwrap().to_string();
        let err = Listeners::bind(&[Spec::Tcp(taken.clone())]).unwrap_err();
        assert!(err.is_bind());
        assert_eq!(err.to_string(), format!("cannot listen on {taken}"));
        assert!(
            format!("{err:?}").to_lowercase().contains("in use"),
            "{err:?}"
        );
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
        let (mut served, _) = listeners.tcp("127.0.0.1:0").unwrap().accept().unwrap();
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
    fn listeners_remove_only_their_own_socket_file() {
        let path =
            std::env::temp_dir().join(format!("aiotools-listeners-{}.sock", std::process::id()));
        let spec = [Spec::Unix(path.clone())];
        let listeners = Listeners::bind(&spec).unwrap();
        listeners.unix(&path).unwrap();
        assert!(
            Listeners::bind(&spec)
                .unwrap_err()
                .to_string()
                .contains("remove it")
        );
        drop(listeners);
        assert!(!path.exists());
        let listeners = Listeners::bind(&spec).unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        fs::write(&path, "another").unwrap();
        drop(listeners);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another");
        fs::remove_file(&path).unwrap();
        fs::remove_file(path.with_extension("old")).unwrap();
    }
}

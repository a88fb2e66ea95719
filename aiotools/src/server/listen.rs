//! Where to listen, and how.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A listening socket that a server is to have: an address, and how to listen on it. For
/// [`Server::bind_with`](super::Server::bind_with).
///
/// ```
/// use aiotools::server::Listen;
///
/// let http = Listen::tcp("[::]:8080").only_v6(true).backlog(4096).name("http");
/// let admin = Listen::unix("/run/app/admin.sock").mode(0o660).owner(None, Some(33));
/// // The socket that systemd made, or one of our own where it did not start us.
/// let public = Listen::activated("public").or(Listen::tcp("0.0.0.0:80"));
/// ```
///
/// # What each option applies to
///
/// | option | TCP | Unix | a socket that was passed |
/// |---|---|---|---|
/// | [`name`](Self::name) | yes | yes | it has one |
/// | [`backlog`](Self::backlog) | yes | yes | yes |
/// | [`only_v6`](Self::only_v6) | IPv6 addresses | refused | refused |
/// | [`reuse_port`](Self::reuse_port) | yes, on Linux | refused | refused |
/// | [`mode`](Self::mode), [`owner`](Self::owner) | refused | yes | refused |
///
/// What is refused is an error of [`Server::run`](super::Server::run), before anything is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to `Server::bind_with`"]
pub struct Listen {
    pub(super) place: Place,
    pub(super) name: Option<String>,
    pub(super) backlog: Option<u32>,
    pub(super) only_v6: Option<bool>,
    pub(super) reuse_port: bool,
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<(Option<u32>, Option<u32>)>,
    pub(super) fallback: Option<Box<Listen>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String),
    Unix(PathBuf),
    /// Passed by whoever started this process, under this name.
    Activated(String),
}

/// An address as text, or what shows as such.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an address to listen on",
    label = "write a text, such as `\"0.0.0.0:80\"`, or a `SocketAddr`"
)]
pub trait ListenAddr: fmt::Display {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display> ListenAddr for T {}

impl Listen {
    fn new(place: Place) -> Self {
        Self {
            place,
            name: None,
            backlog: None,
            only_v6: None,
            reuse_port: false,
            mode: None,
            owner: None,
            fallback: None,
        }
    }

    /// A TCP address, such as `"0.0.0.0:8888"`, `"[::1]:0"`, `"localhost:80"` or a
    /// [`SocketAddr`](std::net::SocketAddr). Port 0 has the system choose one. Of a name that has
    /// several addresses, the first that can be had is taken.
    pub fn tcp(addr: impl ListenAddr) -> Self {
        Self::new(Place::Tcp(addr.to_string()))
    }

    /// A Unix socket at `path`.
    ///
    /// A socket file that is there already is replaced if no process has it open any more, as is
    /// left by a server that was killed. If one has, or if it is another kind of file,
    /// [`run`](super::Server::run) fails. The server removes the file when it stops.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Place::Unix(path.into()))
    }

    /// The socket that the service manager passes under this name, as by systemd's
    /// `FileDescriptorName=` (see `sd_listen_fds_with_names(3)`). It may be a TCP or a Unix socket,
    /// and there may be several of that name.
    ///
    /// Where none was passed, the server does not start, unless there is an [`or`](Self::or).
    pub fn activated(name: impl Into<String>) -> Self {
        Self::new(Place::Activated(name.into()))
    }

    /// Listens there instead if no such socket was passed. Only for [`activated`](Self::activated)
    /// ones, whose name the other one takes over if it has none.
    pub fn or(mut self, fallback: Self) -> Self {
        self.fallback = Some(Box::new(fallback));
        self
    }

    /// A name for the workers to find it by, in place of its address. No two listeners may have the
    /// same.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many connections may wait for a worker; 1024 if this is not called. The kernel may allow
    /// fewer (`net.core.somaxconn`).
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = Some(connections);
        self
    }

    /// Whether an IPv6 socket takes no IPv4 connections. If this is not called, the system decides
    /// (`net.ipv6.bindv6only`).
    pub fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// Gives each worker a socket of its own, with `SO_REUSEPORT`, instead of one queue for all.
    /// Linux only.
    ///
    /// The kernel then chooses a worker when a connection comes in, at random, whatever the workers
    /// are doing; with one queue it is taken by the worker that is first to accept. So this spreads
    /// connections evenly, and avoids contention where there are very many, but one slow worker
    /// delays the connections that were given to it.
    ///
    /// With one queue, connections that come in a burst, or to idle workers, may go to the same
    /// worker again and again: of eight, the busiest had two to five times its fair share of 2,000,
    /// and 1.1 times with a socket each (`cargo bench --bench server_balance`). That is no matter
    /// for short connections; where they stay open, choose this.
    ///
    /// No connection is lost by it. The sockets belong to the parent, one per worker *index*: the
    /// worker that takes the place of another one takes over its socket and what waits there. The
    /// kernel is told which sockets have a worker (`SO_ATTACH_REUSEPORT_CBPF`), and chooses among
    /// these. Where that cannot be done, it takes `net.ipv4.tcp_migrate_req=1` for connections to
    /// move from a socket to another one; without both, [`run`](super::Server::run) fails.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// The permissions of the socket file, such as `0o660`; who may write to it may connect. If
    /// this is not called, the umask decides.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The user and the group that the socket file belongs to, by number. To give it to another
    /// user, the server must run as root.
    pub fn owner(mut self, user: Option<u32>, group: Option<u32>) -> Self {
        self.owner = Some((user, group));
        self
    }

    /// What is wrong with it in itself.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let tcp = matches!(self.place, Place::Tcp(_));
        let unix = matches!(self.place, Place::Unix(_));
        let activated = matches!(self.place, Place::Activated(_));
        if self.only_v6.is_some() && !tcp {
            Err("only_v6(..) is for TCP listeners")
        } else if self.reuse_port && !tcp {
            Err("reuse_port(..) is for TCP listeners")
        } else if self.reuse_port && !cfg!(target_os = "linux") {
            Err("reuse_port(..) spreads connections on Linux only")
        } else if self.mode.is_some() && !unix {
            Err("mode(..) is for Unix listeners")
        } else if self.mode.is_some_and(|mode| mode & !0o777 != 0) {
            Err("mode(..) takes permissions, at most 0o777")
        } else if self.owner.is_some() && !unix {
            Err("owner(..) is for Unix listeners")
        } else if self.fallback.is_some() && !activated {
            Err("or(..) is for activated listeners")
        } else if activated && self.name.is_some() {
            Err("an activated listener has its name already: leave out name(..)")
        } else {
            self.fallback.as_deref().map_or(Ok(()), Self::check)
        }
    }

    /// What the workers may call it, apart from the address that it turns out to have.
    pub(super) fn label(&self) -> Option<&str> {
        match (&self.name, &self.place) {
            (Some(name), _) => Some(name),
            (None, Place::Activated(name)) => Some(name),
            (None, _) => None,
        }
    }

    /// The one to bind where nothing was passed.
    pub(super) fn fallback(&self) -> Option<Self> {
        let mut fallback = self.fallback.as_deref()?.clone();
        if fallback.name.is_none() {
            fallback.name = self.label().map(str::to_owned);
        }
        Some(fallback)
    }

    pub(super) fn unix_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Unix(path) => Some(path),
            _ => None,
        }
    }
}

/// The address, or the name of a socket that is passed.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(addr) => f.write_str(addr),
            Place::Unix(path) => write!(f, "{}", path.display()),
            Place::Activated(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_refuses_what_does_not_apply() {
        let wrong = [
            Listen::unix("x").only_v6(true),
            Listen::unix("x").reuse_port(true),
            Listen::tcp("x:1").mode(0o600),
            Listen::unix("x").mode(0o1777),
            Listen::tcp("x:1").owner(Some(1), None),
            Listen::tcp("x:1").or(Listen::tcp("y:1")),
            Listen::activated("x").name("y"),
            Listen::activated("x").or(Listen::tcp("y:1").mode(0o600)),
        ];
        for listen in wrong {
            assert!(listen.check().is_err(), "{listen:?}");
        }
        let right = Listen::activated("x").or(Listen::unix("y").mode(0o660).owner(None, Some(1)));
        assert_eq!(right.check(), Ok(()));
        assert_eq!(right.fallback().unwrap().label(), Some("x"));
    }
}

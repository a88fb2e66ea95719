//! Sockets that whoever started this process has passed to it: systemd, or the server before an
//! upgrade.
//!
//! The protocol is that of `sd_listen_fds(3)`: `LISTEN_FDS` sockets from descriptor 3 on, for the
//! process `LISTEN_PID`, called `LISTEN_FDNAMES`.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use socket2::{Socket, Type};

use super::environment;

const PID: &str = "LISTEN_PID";
const COUNT: &str = "LISTEN_FDS";
const NAMES: &str = "LISTEN_FDNAMES";
/// What systemd calls a socket that has no name.
const UNNAMED: &str = "unknown";

/// Sockets by name, in the order in which they were passed; each is taken at most once.
#[derive(Debug, Default)]
pub(super) struct Inherited(Vec<Passed>);

#[derive(Debug)]
struct Passed {
    /// Its place among all that were passed.
    number: u16,
    name: String,
    socket: Socket,
}

impl Inherited {
    /// Takes what was passed to this process, and the variables that tell of it out of the
    /// environment.
    pub(super) fn take() -> io::Result<Self> {
        let [pid, count, names] = [PID, COUNT, NAMES].map(environment::take_variable);
        // They are inherited further than they should be, so they may be meant for someone else.
        if pid.is_none_or(|pid| pid.parse() != Ok(std::process::id())) {
            return Ok(Self::default());
        }
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let count = count.unwrap_or_default();
        let count = count
            .parse()
            .map_err(|_| invalid(format!("{COUNT} is not a number, but `{count}`")))?;
        let names = names.unwrap_or_default();
        let mut names = names.split(':');
        (0..)
            .zip(environment::passed_descriptors(count)?)
            .map(|(number, fd)| {
                let name = names.next().filter(|name| !name.is_empty());
                let name = unescape(name.unwrap_or(UNNAMED));
                let socket = Socket::from(fd);
                socket.set_nonblocking(true)?;
                Ok(Passed {
                    number,
                    name,
                    socket,
                })
            })
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// All sockets of this name.
    pub(super) fn named(&mut self, name: &str) -> Vec<Socket> {
        self.0
            .extract_if(.., |passed| passed.name == name)
            .map(|passed| passed.socket)
            .collect()
    }

    /// The sockets that an earlier server had for one listener with this key: one, or those of a
    /// `SO_REUSEPORT` group, which follow each other and have the same address. Another listener with
    /// the same key has its own.
    pub(super) fn group(&mut self, key: &str) -> Vec<Socket> {
        let mut group: Vec<Socket> = Vec::new();
        while let Some(at) = self.0.iter().position(|passed| passed.name == key) {
            let candidate = &self.0[at].socket;
            let first = group.first();
            if first.is_some_and(|first| !same_group(first, candidate)) {
                break;
            }
            group.push(self.0.remove(at).socket);
        }
        group
    }

    /// What nobody has taken.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|passed| passed.name.as_str()).collect()
    }

    /// The places of what nobody has taken, among all that were passed.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|passed| passed.number)
    }
}

fn same_group(one: &Socket, other: &Socket) -> bool {
    let reuse_port =
        |socket: &Socket| cfg!(target_os = "linux") && socket.reuse_port().unwrap_or(false);
    let address = |socket: &Socket| socket.local_addr().ok().and_then(|addr| addr.as_socket());
    reuse_port(one) && reuse_port(other) && address(one) == address(other)
}

/// The variables that pass sockets with these names to process `pid`, from descriptor 3 on.
pub(super) fn variables(pid: u32, names: &[String]) -> [(&'static str, String); 3] {
    let names: Vec<_> = names.iter().map(|name| escape(name)).collect();
    [
        (PID, pid.to_string()),
        (COUNT, names.len().to_string()),
        (NAMES, names.join(":")),
    ]
}

/// The name of a socket may be an address here, which has colons.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b':' | b'%' | 0..=0x20 | 0x7f.. => escaped.push_str(&format!("%{byte:02x}")),
            _ => escaped.push(byte.into()),
        }
    }
    escaped
}

/// The other way. What is no escape is left as it is: service managers do not escape.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', hex @ ..] => hex
                .get(..2)
                .and_then(|hex| std::str::from_utf8(hex).ok())
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where a socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Local {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Local {
    /// Of a socket that listens; an error if it is of a kind that workers cannot be given.
    pub(super) fn of(socket: &Socket) -> io::Result<Self> {
        let unsuitable = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if socket.r#type()? != Type::STREAM || !listens(socket)? {
            return unsuitable("the socket that was passed is not a listening stream socket");
        }
        let addr = socket.local_addr()?;
        match addr.as_socket() {
            Some(addr) => Ok(Self::Tcp(addr)),
            None if addr.is_unix() => Ok(Self::Unix(
                addr.as_pathname().map_or_else(PathBuf::new, Path::to_owned),
            )),
            None => unsuitable("the socket that was passed is neither a TCP nor a Unix socket"),
        }
    }
}

fn listens(socket: &Socket) -> io::Result<bool> {
    nix::sys::socket::getsockopt(socket, nix::sys::socket::sockopt::AcceptConn).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_names_survive_the_environment() {
        for name in ["http", "tcp/[::1]:80", "unix//tmp/ä b%3a", ""] {
            let escaped = escape(name);
            assert!(!escaped.contains(':') && escaped.is_ascii(), "{escaped}");
            assert_eq!(unescape(&escaped), name);
        }
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz"), "%zz");
    }

    #[test]
    fn inherited_listeners_on_one_address_stay_two() {
        let listener = || Socket::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let key = || "tcp/127.0.0.1:0".to_owned();
        let passed = |number| Passed {
            number,
            name: key(),
            socket: listener(),
        };
        let mut inherited = Inherited((0..3).map(passed).collect());
        let addr = |group: Vec<Socket>| {
            assert_eq!(group.len(), 1);
            group[0].local_addr().unwrap().as_socket().unwrap()
        };
        let first = addr(inherited.group(&key()));
        let second = addr(inherited.group(&key()));
        assert_ne!(first, second);
        assert!(inherited.numbers().eq([2]));
        inherited.group(&key());
        assert!(inherited.group(&key()).is_empty());
    }
}

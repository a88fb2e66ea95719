//! One listener: its sockets, and how it comes by them.

use std::{fmt, io};

use socket2::Socket;

use crate::server::{
    bind,
    inherited::{Inherited, Local},
    listen::{Listen, Place},
    reuse_port::Group,
    socket_file::SocketFile,
};

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) listen: Listen,
    pub(super) local: Local,
    pub(super) sockets: Sockets,
    pub(super) file: Option<SocketFile>,
    /// Whether it is for this process to shut the door, and to remove the file (L1).
    pub(super) ours: bool,
}

#[derive(Debug)]
pub(super) enum Sockets {
    /// One for all workers.
    Shared(Socket),
    PerWorker(Group),
}

impl Listener {
    /// One, or all of those that were passed under one name.
    pub(super) fn bind(
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

    /// What it is called when it is passed on.
    pub(super) fn key(&self) -> String {
        key(&self.listen)
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
    pub(super) fn any(&self) -> Option<&Socket> {
        match self {
            Self::Shared(socket) => Some(socket),
            Self::PerWorker(group) => group.any(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Socket> {
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

/// What a listener is called when it is passed on. The address, and not the name, as another address
/// of the same name is another listener.
fn key(listen: &Listen) -> String {
    match &listen.place {
        Place::Tcp(addr) => format!("tcp/{addr}"),
        Place::Unix(path) => format!("unix/{}", path.display()),
        Place::Activated(name) => name.clone(),
    }
}

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

mod listener;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixListener,
    },
    path::Path,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::Socket;

use self::listener::{Listener, Sockets};
use super::{
    ServerError, bind, door,
    error::Kind,
    inherited::{Inherited, Local},
    listen::{Listen, Place},
    socket_file::SocketFile,
};

#[derive(Debug, Default)]
pub(in crate::server) struct Listeners {
    all: Vec<Listener>,
}

impl Listeners {
    /// Takes what was passed, and binds the rest. `ours` is whether what was passed belongs to us
    /// right away; `steered: false` does without the program that chooses a worker.
    pub(in crate::server) fn bind(
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
    pub(in crate::server) fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.all.iter().filter_map(|listener| match listener.local {
            Local::Tcp(addr) => Some(addr),
            Local::Unix(_) => None,
        })
    }

    /// Handles to all TCP listeners that are called `what`: by name, else by the text that they were
    /// asked for with, else by their address.
    pub(in crate::server) fn tcp(&self, what: &str) -> io::Result<Vec<TcpListener>> {
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
    pub(in crate::server) fn unix(&self, what: &Path) -> io::Result<Vec<UnixListener>> {
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
    pub(in crate::server) fn provide(&mut self, index: usize) -> io::Result<()> {
        for listener in &mut self.all {
            if let Sockets::PerWorker(group) = &mut listener.sockets {
                group.provide(index, |addr| bind::tcp_member(addr, &listener.listen))?;
            }
        }
        Ok(())
    }

    /// Whether there is a listener of which each worker has a queue of its own.
    pub(in crate::server) fn are_per_worker(&self) -> bool {
        let per_worker = |listener: &Listener| matches!(listener.sockets, Sockets::PerWorker(_));
        self.all.iter().any(per_worker)
    }

    /// Whether all sockets belong to this server.
    pub(in crate::server) fn are_ours(&self) -> bool {
        self.all.iter().all(|listener| listener.ours)
    }

    fn own(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().filter(|listener| listener.ours)
    }

    /// Says which workers there are to connect to.
    pub(in crate::server) fn steer(&mut self, indexes: &[usize]) {
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
    pub(in crate::server) fn shut(&mut self) {
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
    pub(in crate::server) fn has_waiting(&self) -> bool {
        any_waiting(self.own().flat_map(|listener| listener.sockets.iter()))
    }

    /// Whether a connection waits for the worker with this index, and for no other one.
    pub(in crate::server) fn has_waiting_for(&self, index: usize) -> bool {
        any_waiting(self.queue(index))
    }

    /// The sockets of one index, where each has its own.
    pub(in crate::server) fn queue(&self, index: usize) -> impl Iterator<Item = &Socket> {
        self.all
            .iter()
            .filter_map(move |listener| match &listener.sockets {
                Sockets::Shared(_) => None,
                Sockets::PerWorker(group) => group.own(index),
            })
    }

    /// The indexes that may have a socket of their own are below this.
    pub(in crate::server) fn queues(&self) -> usize {
        let queues = |listener: &Listener| match &listener.sockets {
            Sockets::Shared(_) => 0,
            Sockets::PerWorker(group) => group.len(),
        };
        self.all.iter().map(queues).max().unwrap_or(0)
    }

    /// In a worker: leaves the socket files to the parent, and the other workers' sockets to them.
    pub(in crate::server) fn for_worker(self, index: usize) -> Self {
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
    pub(in crate::server) fn to_pass(&self) -> Vec<ToPass<'_>> {
        let mut all = Vec::new();
        for (listener, of) in self.all.iter().enumerate() {
            all.extend(of.sockets.iter().map(|socket| ToPass {
                listener,
                name: of.key(),
                fd: socket.as_fd(),
            }));
        }
        all
    }

    /// Leaves the sockets to the server that has taken this one's place, apart from those of the
    /// listeners that it has no use for.
    pub(in crate::server) fn hand_over(&mut self, unwanted: &[usize]) {
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
    pub(in crate::server) fn take_over(&mut self) {
        for listener in self.all.iter_mut().filter(|listener| !listener.ours) {
            listener.ours = true;
            if let Some(path) = listener.listen.unix_path() {
                listener.file = Some(SocketFile::adopt(path));
            }
        }
    }
}

/// A socket for another server.
pub(in crate::server) struct ToPass<'a> {
    /// Whose it is, by number.
    pub(in crate::server) listener: usize,
    /// The name that [`Listeners::bind`] finds it by.
    pub(in crate::server) name: String,
    pub(in crate::server) fd: BorrowedFd<'a>,
}

fn any_waiting<'a>(sockets: impl Iterator<Item = &'a Socket>) -> bool {
    let mut fds: Vec<_> = sockets
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
        .collect();
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(ready) if ready > 0)
}

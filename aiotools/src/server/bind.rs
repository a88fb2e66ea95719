//! How a listening socket is made.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    path::Path,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{listen::Listen, socket_file::SocketFile};

/// How many connections may wait for a worker, per listener, if nothing else is asked for.
const BACKLOG: u32 = 1024;

pub(super) fn backlog(connections: u32) -> i32 {
    i32::try_from(connections).unwrap_or(i32::MAX)
}

fn listen_on(socket: &Socket, listen: &Listen) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(backlog(listen.backlog.unwrap_or(BACKLOG)))
}

/// Listens on the first of the addresses behind `spec` that can be had.
pub(super) fn tcp(spec: &str, listen: &Listen) -> io::Result<(Socket, SocketAddr)> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for addr in spec.to_socket_addrs()? {
        match tcp_first(addr, listen) {
            Ok(socket) => {
                let local = socket.local_addr()?.as_socket().unwrap_or(addr);
                return Ok((socket, local));
            }
            Err(err) => last = err,
        }
    }
    Err(last)
}

fn tcp_first(addr: SocketAddr, listen: &Listen) -> io::Result<Socket> {
    let socket = tcp_socket(addr, listen)?;
    socket.bind(&addr.into())?;
    // After it is bound: with the option, `bind` would also succeed where another server has the
    // address with the same option, and share its connections.
    if listen.reuse_port {
        join(&socket)?;
    }
    listen_on(&socket, listen)?;
    Ok(socket)
}

/// One more socket for an address that we have, with `SO_REUSEPORT`, already.
pub(super) fn tcp_member(addr: SocketAddr, listen: &Listen) -> io::Result<Socket> {
    let socket = tcp_socket(addr, listen)?;
    join(&socket)?;
    socket.bind(&addr.into())?;
    listen_on(&socket, listen)?;
    Ok(socket)
}

fn tcp_socket(addr: SocketAddr, listen: &Listen) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // The connections of a server that ran here before may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if let (Some(only), SocketAddr::V6(_)) = (listen.only_v6, addr) {
        socket.set_only_v6(only)?;
    }
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn join(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(target_os = "linux"))]
fn join(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the socket belongs to a group of `SO_REUSEPORT`, which others can join.
#[cfg(target_os = "linux")]
pub(super) fn is_member(socket: &Socket) -> bool {
    socket.reuse_port().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_member(_: &Socket) -> bool {
    false
}

pub(super) fn unix(path: &Path, listen: &Listen) -> io::Result<(Socket, SocketFile)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let file = SocketFile::bind(&socket, path, listen)?;
    listen_on(&socket, listen)?;
    Ok((socket, file))
}

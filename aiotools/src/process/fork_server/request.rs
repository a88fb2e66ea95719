//! The packet that asks for a child.
#![expect(unsafe_code, reason = "it names a function by its address")]

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    super::{
        channel,
        child_fn::{self, Entry},
    },
    Client,
};

/// The longest argument, so that a packet fits into a socket buffer of the usual size.
pub(crate) const LONGEST_ARG: usize = 64 * 1024;

const HEADER: usize = 9;

/// What is sent.
#[derive(Debug)]
pub(crate) struct Request {
    client: Arc<Client>,
    bytes: Vec<u8>,
    /// First the channel.
    fds: Vec<OwnedFd>,
}

impl Request {
    pub(super) fn new(
        client: Arc<Client>,
        entry: Entry,
        portable: bool,
        arg: &[u8],
        channel: OwnedFd,
        fds: Vec<OwnedFd>,
    ) -> Self {
        let address = child_fn::to_address(entry).to_le_bytes();
        let bytes = [&address[..], &[u8::from(portable)], arg].concat();
        let fds = [channel].into_iter().chain(fds).collect();
        Self { client, bytes, fds }
    }

    /// Sends it, or is told that there is no room for now (`WouldBlock`).
    pub(crate) fn send(&self) -> io::Result<()> {
        let fds: Vec<BorrowedFd<'_>> = self.fds.iter().map(|fd| fd.as_fd()).collect();
        channel::send(self.client.requests.as_fd(), &self.bytes, &fds)
    }
}

/// What has come.
pub(super) struct Received {
    pub(super) entry: Entry,
    pub(super) portable: bool,
    pub(super) arg: Vec<u8>,
    pub(super) channel: OwnedFd,
    pub(super) fds: Vec<OwnedFd>,
}

/// Why there is no request.
pub(super) enum Nothing {
    /// There will be no more.
    End,
    /// Not now.
    Yet,
    /// One that is refused, and whom to tell.
    Refused(Option<OwnedFd>, Errno),
}

/// Has the kernel tell the user of each request that comes on `socket`.
pub(super) fn ask_for_user(socket: &OwnedFd) -> nix::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::PassCred, &true)?;
    let _ = socket;
    Ok(())
}

/// Takes the next request. `user` is the one that may make requests.
pub(super) fn receive(
    requests: &OwnedFd,
    user: u32,
    buffer: &mut [u8],
) -> Result<Received, Nothing> {
    let packet = match channel::receive(requests.as_fd(), buffer) {
        Ok(packet) if packet.len == 0 => return Err(Nothing::End),
        Ok(packet) => packet,
        // As for want of descriptors. Who asked hears it from the end of the channel.
        Err(_) => return Err(Nothing::Yet),
    };
    let mut fds = packet.fds.into_iter();
    let channel = fds.next();
    if packet.user != Some(user) {
        return Err(Nothing::Refused(channel, Errno::EPERM));
    }
    let header = buffer[..packet.len].split_first_chunk::<HEADER>();
    let (Some(channel), Some((header, arg))) = (channel, header) else {
        return Err(Nothing::Refused(None, Errno::EINVAL));
    };
    let [address @ .., portable] = *header;
    // SAFETY: what comes on this socket was sent by this module, in a process that this one is a fork of, or in a
    // fork of that one: the socket has no name, and is close-on-exec. The kernel vouches that the sender has the user
    // id of this process. That the code has been there before the fork is asked for by the docs of `process`.
    let entry = unsafe { child_fn::from_address(u64::from_le_bytes(address)) };
    let Some(entry) = entry else {
        return Err(Nothing::Refused(Some(channel), Errno::EINVAL));
    };
    Ok(Received {
        entry,
        portable: portable != 0,
        arg: arg.to_vec(),
        channel,
        fds: fds.collect(),
    })
}

/// A buffer for [`receive`].
pub(super) fn buffer() -> Vec<u8> {
    vec![0; HEADER + LONGEST_ARG]
}

//! What is said about one child.
//!
//! A pair of sockets. One end is that of who asked for the child. The other one is shared by the child,
//! until it is ready, and the fork server, where there is one, until it has reaped the child. So the end of the
//! stream means, to who asked, that nothing more will be known; and to the fork server, that nobody
//! wants to know.
//!
//! On Linux these are sequenced packets, so that messages stay whole whoever writes them. Elsewhere,
//! where there is no fork server and so one writer, they are streams.
#![expect(
    unsafe_code,
    reason = "descriptors that arrive in a message are numbers"
)]

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
};

use nix::{
    errno::Errno,
    sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
};

/// How many descriptors go with one packet (`SCM_MAX_FD`, less those of our own).
pub(super) const MOST_FDS: usize = 250;

/// Both ends, close-on-exec and non-blocking.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        flags,
    )?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) = std::os::unix::net::UnixStream::pair()?;
    for end in [&a, &b] {
        end.set_nonblocking(true)?;
        #[cfg(target_vendor = "apple")]
        socket2::SockRef::from(end).set_nosigpipe(true)?;
    }
    Ok((a.into(), b.into()))
}

/// A peer that is gone is an error, not a signal.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;
/// There it is an option of the sockets.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: MsgFlags = MsgFlags::empty();

/// Sends one packet, which must not be empty.
pub(super) fn send(to: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[] } else { &rights[..] };
    loop {
        let flags = NO_SIGNAL | MsgFlags::MSG_DONTWAIT;
        match sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(err) => return Err(err.into()),
        }
    }
}

/// What came in one packet.
#[derive(Debug, Default)]
pub(super) struct Packet {
    /// How many bytes; 0 at the end of the stream.
    pub(super) len: usize,
    pub(super) fds: Vec<OwnedFd>,
    /// The user of the sender, as the kernel vouches for it, where that was asked for.
    pub(super) user: Option<u32>,
}

/// Takes the next packet; an error of kind `WouldBlock` if there is none for now.
pub(super) fn receive(from: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<Packet> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let (mut control, flags) = (
        nix::cmsg_space!([RawFd; MOST_FDS + 2], nix::sys::socket::UnixCredentials),
        MsgFlags::MSG_CMSG_CLOEXEC,
    );
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let (mut control, flags) = (nix::cmsg_space!([RawFd; 1]), MsgFlags::empty());
    let mut buffers = [IoSliceMut::new(bytes)];
    let mut reset = false;
    let received = loop {
        match recvmsg::<()>(
            from.as_raw_fd(),
            &mut buffers,
            Some(&mut control),
            flags | MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(received) => break received,
            Err(Errno::EINTR) => {}
            // The peer went away with something of ours unread. That is told once, and before what the peer has
            // said itself.
            Err(Errno::ECONNRESET) if !reset => reset = true,
            Err(Errno::ECONNRESET) => return Ok(Packet::default()),
            Err(err) => return Err(err.into()),
        }
    };
    let mut packet = Packet {
        len: received.bytes,
        ..Packet::default()
    };
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::ScmRights(fds) => {
                for fd in fds {
                    // SAFETY: the kernel has just opened `fd` for this call, so nothing else owns
                    // it, and each is taken over once.
                    packet.fds.push(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            ControlMessageOwned::ScmCredentials(sender) => packet.user = Some(sender.uid()),
            _ => {}
        }
    }
    Ok(packet)
}

/// One message about a child.
#[derive(Debug)]
pub(super) enum Message {
    /// From the fork server: the child is there, with this pid, and a pidfd where there is one.
    Started(i32, Option<OwnedFd>),
    /// From the fork server: there is no child, because of this error of the system.
    NotStarted(i32),
    /// From the child: it is ready.
    Ready,
    /// From the fork server: it has reaped the child, which had this status.
    Ended(i32),
    /// From the fork server: the child has ended, and someone else took its status.
    Taken,
    /// To the fork server: send the child this signal.
    Signal(i32),
}

impl Message {
    pub(super) fn send(&self, to: impl AsFd) -> io::Result<()> {
        let (tag, value, fd) = match self {
            Self::Started(pid, fd) => (b'P', *pid, fd.as_ref()),
            Self::NotStarted(errno) => (b'X', *errno, None),
            Self::Ready => (b'R', 0, None),
            Self::Ended(status) => (b'E', *status, None),
            Self::Taken => (b'T', 0, None),
            Self::Signal(number) => (b'K', *number, None),
        };
        let [a, b, c, d] = value.to_le_bytes();
        let fd = fd.map(|fd| fd.as_fd());
        send(to.as_fd(), &[tag, a, b, c, d], fd.as_slice())
    }

    /// The next message; `None` at the end of the stream.
    pub(super) fn receive(from: impl AsFd) -> io::Result<Option<Self>> {
        let mut bytes = [0; 5];
        let packet = receive(from.as_fd(), &mut bytes)?;
        if packet.len == 0 {
            return Ok(None);
        }
        let [tag, value @ ..] = bytes;
        let value = i32::from_le_bytes(value);
        Ok(Some(match tag {
            b'P' => Self::Started(value, packet.fds.into_iter().next()),
            b'X' => Self::NotStarted(value),
            b'R' => Self::Ready,
            b'E' => Self::Ended(value),
            b'T' => Self::Taken,
            b'K' => Self::Signal(value),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A regression: who gave up on a child just when it was started asked in vain for its end.
    #[test]
    fn channel_last_words_are_heard() {
        let (asker, server) = pair().unwrap();
        Message::Signal(9).send(&asker).unwrap();
        Message::Started(1, None).send(&server).unwrap();
        drop(asker);
        let message = Message::receive(&server).unwrap();
        assert!(matches!(message, Some(Message::Signal(9))), "{message:?}");
        assert!(Message::receive(&server).unwrap().is_none());
    }
}

//! The door of a TCP listener: how to let nobody in any more, without sending away who is in the
//! queue.

use socket2::Socket;

/// Has the kernel ignore packets to `socket` that have SYN set. Connections that are already open
/// never carry it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn drop_handshakes(socket: &Socket) {
    use socket2::SockFilter;
    /// `A = packet[k]`; for TCP, the packet begins with the TCP header.
    const LOAD_BYTE: u16 = 0x30;
    /// `if A & k { skip jt } else { skip jf }`
    const JUMP_IF_SET: u16 = 0x45;
    /// Keep `k` bytes of the packet.
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    if let Err(err) = socket.attach_filter(&filter) {
        tracing::debug!(%err, "connections can come in until the end, as no filter can be attached to the listener");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn drop_handshakes(_: &Socket) {}

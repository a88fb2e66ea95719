//! One listening socket per worker index, with `SO_REUSEPORT`, all of them the parent's.
//!
//! # Invariants
//!
//! - R1. The socket of an index is made once and stays open, so that no queue is ever closed, and so
//!   that the place of each socket in the kernel's group is its index: the kernel numbers them in
//!   the order in which they began to listen.
//! - R2. The kernel chooses among the indexes that were last given to [`Group::steer`]. The others
//!   get no new connection; what waits in them stays.
//! - R3. Where the kernel takes no program, R1 and R2 do not hold: sockets without a worker are
//!   closed, and `tcp_migrate_req` has the kernel move what waits in them. [`Group::new`] refuses if
//!   that is off too.

use std::{io, net::SocketAddr};

use socket2::Socket;

/// The sockets of a listener, by worker index.
#[derive(Debug)]
pub(super) struct Group {
    sockets: Vec<Option<Socket>>,
    addr: SocketAddr,
    steered: bool,
}

impl Group {
    /// Of sockets that share the address `addr`, in the order in which they began to listen.
    /// `steered: false` does without the program.
    pub(super) fn new(sockets: Vec<Socket>, addr: SocketAddr, steered: bool) -> io::Result<Self> {
        let mut group = Self {
            steered: true,
            addr,
            sockets: sockets.into_iter().map(Some).collect(),
        };
        let all: Vec<_> = (0..group.sockets.len()).collect();
        let attached = if steered {
            group.attach(&all)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        };
        if let Err(err) = attached {
            if !migrates() {
                return Err(io::Error::new(
                    err.kind(),
                    format!(
                        "reuse_port(..) would lose connections here: set net.ipv4.tcp_migrate_req to 1, or use one \
                         socket for all workers (SO_ATTACH_REUSEPORT_CBPF: {err})"
                    ),
                ));
            }
            group.steered = false;
        }
        Ok(group)
    }

    /// The same for sockets that still belong to another server, in an upgrade: it is that one's workers that are
    /// chosen among until the first [`steer`](Self::steer).
    pub(super) fn borrowed(sockets: Vec<Socket>, addr: SocketAddr, steered: bool) -> Self {
        Self {
            steered,
            addr,
            sockets: sockets.into_iter().map(Some).collect(),
        }
    }

    /// The socket of an index.
    pub(super) fn own(&self, index: usize) -> Option<&Socket> {
        self.sockets.get(index).and_then(Option::as_ref)
    }

    /// Any of them.
    pub(super) fn any(&self) -> Option<&Socket> {
        self.iter().next()
    }

    /// The indexes are below this.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Leaves the socket of this one worker; the first one for an index that has none.
    pub(super) fn into_one(mut self, index: usize) -> Option<Socket> {
        let own = self.sockets.get_mut(index).and_then(Option::take);
        own.or_else(|| self.sockets.into_iter().flatten().next())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter().flatten()
    }

    /// Has `make` make the sockets that are missing up to `index`, each listening.
    pub(super) fn provide(
        &mut self,
        index: usize,
        make: impl Fn(SocketAddr) -> io::Result<Socket>,
    ) -> io::Result<()> {
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        for socket in &mut self.sockets[..=index] {
            if socket.is_none() {
                *socket = Some(make(self.addr)?);
            }
        }
        Ok(())
    }

    /// Has new connections go to these indexes only. Without any, it stays as it is: there is no
    /// better place to wait.
    pub(super) fn steer(&mut self, indexes: &[usize]) {
        if indexes.is_empty() {
            return;
        }
        if self.steered {
            if let Err(err) = self.attach(indexes) {
                tracing::warn!(%err, addr = %self.addr, "the kernel goes on choosing among the workers as before");
            }
            return;
        }
        for (index, socket) in self.sockets.iter_mut().enumerate() {
            if !indexes.contains(&index) {
                *socket = None;
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn attach(&self, indexes: &[usize]) -> io::Result<()> {
        use nix::{
            libc,
            sys::socket::{setsockopt, sockopt},
        };
        let Some(socket) = self.iter().next() else {
            return Ok(());
        };
        let mut program = program(indexes);
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            filter: program.as_mut_ptr(),
        };
        setsockopt(socket, sockopt::AttachReusePortCbpf, &program).map_err(Into::into)
    }

    #[cfg(not(target_os = "linux"))]
    fn attach(&self, _: &[usize]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Whether the kernel moves the connections of a socket that is closed to another one of its group.
fn migrates() -> bool {
    std::fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req")
        .is_ok_and(|value| value.trim() == "1")
}

/// Gives one of `indexes`, at random.
///
/// `A = random % n; if A == 0 { return indexes[0] }; if A == 1 { return indexes[1] } ..`
#[cfg(target_os = "linux")]
fn program(indexes: &[usize]) -> Vec<nix::libc::sock_filter> {
    const LOAD_WORD: u16 = 0x20;
    const MODULO: u16 = 0x94;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// `SKF_AD_OFF + SKF_AD_RANDOM`
    const RANDOM: u32 = 0xffff_f000 + 56;
    let number = |index: usize| u32::try_from(index).unwrap_or_default();
    let op = |code, jf, k| nix::libc::sock_filter { code, jt: 0, jf, k };
    let mut program = vec![
        op(LOAD_WORD, 0, RANDOM),
        op(MODULO, 0, number(indexes.len())),
    ];
    for (case, index) in indexes.iter().enumerate() {
        program.push(op(JUMP_IF_EQUAL, 1, number(case)));
        program.push(op(RETURN, 0, number(*index)));
    }
    program.push(op(RETURN, 0, number(indexes[0])));
    program
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{net::TcpStream, process::Command};

    use super::*;
    use crate::server::{bind, listen::Listen};

    fn group(count: usize, steered: bool) -> io::Result<Group> {
        let listen = Listen::tcp("127.0.0.1:0").reuse_port(true);
        let (first, addr) = bind::tcp("127.0.0.1:0", &listen)?;
        let mut group = Group::new(vec![first], addr, steered)?;
        group.provide(count - 1, |addr| bind::tcp_member(addr, &listen))?;
        let all: Vec<_> = (0..count).collect();
        group.steer(&all);
        Ok(group)
    }

    /// Where `connections` new ones come in, by index.
    fn spread(group: &Group, connections: usize) -> Vec<usize> {
        let clients: Vec<_> = (0..connections)
            .map(|_| TcpStream::connect(group.addr).unwrap())
            .collect();
        let waiting = |socket: &Option<Socket>| {
            let accepted = || socket.as_ref()?.accept().ok();
            std::iter::from_fn(accepted).count()
        };
        let counts: Vec<_> = group.sockets.iter().map(waiting).collect();
        assert_eq!(counts.iter().sum::<usize>(), clients.len());
        counts
    }

    #[test]
    fn reuse_port_goes_where_there_is_a_worker() {
        let mut group = group(4, true).unwrap();
        assert!(spread(&group, 200).iter().all(|count| *count > 10));
        group.steer(&[0, 2]);
        let counts = spread(&group, 100);
        assert!(counts[0] > 10 && counts[2] > 10, "{counts:?}");
        assert_eq!((counts[1], counts[3]), (0, 0));
        group.steer(&[3]);
        assert_eq!(spread(&group, 50), [0, 0, 0, 50]);
        // There is no better place to wait.
        group.steer(&[]);
        assert_eq!(spread(&group, 50), [0, 0, 0, 50]);
    }

    /// Sockets of workers that are no more are passed on in an upgrade. Nothing may come to wait there.
    #[test]
    fn reuse_port_that_is_borrowed_is_left_as_it_is() {
        let mut old = group(3, true).unwrap();
        old.steer(&[0, 1]);
        let sockets = old.iter().map(|socket| socket.try_clone().unwrap());
        let mut new = Group::borrowed(sockets.collect(), old.addr, true);
        assert_eq!(spread(&old, 60)[2], 0);
        new.steer(&[2]);
        assert_eq!(spread(&new, 20), [0, 0, 20]);
    }

    #[test]
    fn reuse_port_keeps_what_waits() {
        let mut group = group(2, true).unwrap();
        group.steer(&[1]);
        let _client = TcpStream::connect(group.addr).unwrap();
        group.steer(&[0]);
        assert!(group.own(1).unwrap().accept().is_ok());
    }

    #[test]
    fn reuse_port_without_a_program_takes_a_kernel_that_migrates() {
        if migrates() {
            println!("left out, as net.ipv4.tcp_migrate_req is 1 here");
            return;
        }
        let err = group(2, false).unwrap_err();
        assert!(err.to_string().contains("tcp_migrate_req to 1"), "{err}");
    }

    /// In a network namespace of this thread's own, where the kernel migrates.
    #[test]
    fn reuse_port_migrates_what_waits() {
        let prepared = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
            .map_err(io::Error::from)
            .and_then(|()| {
                Command::new("ip")
                    .args(["link", "set", "lo", "up"])
                    .status()
            })
            .and_then(|_| std::fs::write("/proc/sys/net/ipv4/tcp_migrate_req", "1"));
        if prepared.is_err() || !migrates() {
            println!("left out, as it takes root and the program `ip`: {prepared:?}");
            return;
        }
        let mut group = group(3, false).unwrap();
        let clients: Vec<_> = (0..60)
            .map(|_| TcpStream::connect(group.addr).unwrap())
            .collect();
        group.steer(&[1]);
        assert_eq!(group.iter().count(), 1);
        let socket = group.own(1).unwrap();
        let accepted = std::iter::from_fn(|| socket.accept().ok()).count();
        assert_eq!(accepted, clients.len());
    }
}

//! Whether real I/O could still arrive.
//!
//! On Linux the runtime's epoll descriptor is found through `/proc`, by a socket that is registered for a moment. The socket is known by its
//! inode: its number alone may be registered elsewhere, where a runtime that has ended left a descriptor behind that was duplicated before,
//! as tokio does for signals. The epoll descriptor says how much is registered, and, since an epoll descriptor can itself be polled, when something has arrived. Elsewhere real I/O is not seen: the
//! clock moves as tokio moves it.

use std::time::Duration;

use tokio::runtime::Runtime;

/// The runtime's view of the outside world.
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    epoll: Option<linux::Epoll>,
    pub(super) grace: Duration,
}

impl Watch {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(unused_variables, reason = "as on Linux")
    )]
    pub(super) fn new(runtime: &Runtime, grace: Duration) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            epoll: linux::Epoll::of(runtime),
            grace,
        }
    }

    /// Whether the program has registered anything.
    #[cfg(target_os = "linux")]
    pub(super) fn is_used(&self) -> bool {
        self.epoll.as_ref().is_some_and(linux::Epoll::is_used)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn is_used(&self) -> bool {
        false
    }

    /// Waits in real time until something has arrived, or some task was woken from outside.
    #[cfg(target_os = "linux")]
    pub(super) fn wait(&self, limit: Option<Duration>) -> bool {
        match &self.epoll {
            Some(epoll) => epoll.wait(limit),
            None => look_again(),
        }
    }

    /// Whether the runtime has been woken, and has only to come to it.
    #[cfg(target_os = "linux")]
    pub(super) fn has_arrived(&self) -> bool {
        self.epoll.as_ref().is_some_and(linux::Epoll::has_arrived)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn has_arrived(&self) -> bool {
        false
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn wait(&self, _: Option<Duration>) -> bool {
        look_again()
    }
}

/// Where nobody tells us, tokio looks every now and then.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread is about to wait anyway"
)]
fn look_again() -> bool {
    std::thread::sleep(Duration::from_millis(1));
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs,
        os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        time::Duration,
    };

    use nix::{
        errno::Errno,
        poll::{PollFd, PollFlags, PollTimeout, poll},
        sys::stat::{fstat, major, minor},
    };
    use tokio::{net::UnixDatagram, runtime::Runtime};

    /// In how many steps to wait.
    const STEPS: u32 = 20;

    /// The epoll descriptor of a runtime.
    pub(super) struct Epoll {
        fd: OwnedFd,
        /// How much tokio has registered for itself.
        own: usize,
    }

    impl Epoll {
        pub(super) fn of(runtime: &Runtime) -> Option<Self> {
            let _entered = runtime.enter();
            let probe = UnixDatagram::unbound().ok()?;
            let probe_line = Registration::of(&probe)?;
            let fd = fs::read_dir("/proc/self/fd")
                .ok()?
                .filter_map(Result::ok)
                .filter(|fd| {
                    fs::read_link(fd.path())
                        .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
                })
                .filter_map(|fd| fd.file_name().to_str()?.parse().ok())
                .find(|fd| registered(*fd).any(|line| probe_line.is(&line)))?;
            drop(probe);
            let fd = duplicate(fd, runtime)?;
            let own = registered(fd.as_raw_fd()).count();
            Some(Self { fd, own })
        }

        pub(super) fn is_used(&self) -> bool {
            registered(self.fd.as_raw_fd()).count() > self.own
        }

        pub(super) fn wait(&self, limit: Option<Duration>) -> bool {
            let Some(limit) = limit else {
                return self.poll(PollTimeout::NONE);
            };
            // In steps: where the machine is busy, each takes its time, as whoever is to answer does.
            let step = (limit / STEPS).max(Duration::from_millis(1));
            let steps = limit.as_nanos().div_ceil(step.as_nanos());
            let step = PollTimeout::try_from(step).unwrap_or(PollTimeout::MAX);
            (0..steps).any(|_| self.poll(step))
        }

        pub(super) fn has_arrived(&self) -> bool {
            self.poll(PollTimeout::ZERO)
        }

        /// Whether something arrives in that time.
        fn poll(&self, timeout: PollTimeout) -> bool {
            loop {
                match poll(
                    &mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)],
                    timeout,
                ) {
                    Ok(ready) => return ready > 0,
                    Err(Errno::EINTR) => {}
                    // Better to look once too often.
                    Err(_) => return true,
                }
            }
        }
    }

    /// A descriptor of our own for what `fd` stands for in this process.
    #[expect(
        unsafe_code,
        reason = "tokio does not lend its descriptor; the argument is below"
    )]
    fn duplicate(fd: RawFd, _alive: &Runtime) -> Option<OwnedFd> {
        // SAFETY: a descriptor in which the probe of this runtime is registered is the runtime's, which keeps it open to its end.
        let theirs = unsafe { BorrowedFd::borrow_raw(fd) };
        theirs.try_clone_to_owned().ok()
    }

    /// How the kernel describes a registered descriptor: its number, its inode and the device of that.
    struct Registration {
        tfd: String,
        ino: String,
        sdev: String,
    }

    impl Registration {
        fn of(fd: &impl AsFd) -> Option<Self> {
            let stat = fstat(fd).ok()?;
            // In /proc the device is as the kernel has it, not as `stat` packs it.
            let device = major(stat.st_dev) << 20 | minor(stat.st_dev);
            Some(Self {
                tfd: fd.as_fd().as_raw_fd().to_string(),
                ino: format!("ino:{:x}", stat.st_ino),
                sdev: format!("sdev:{device:x}"),
            })
        }

        fn is(&self, line: &str) -> bool {
            let mut words = line.split_whitespace();
            words.next() == Some("tfd:")
                && words.next() == Some(&self.tfd)
                && words.clone().any(|word| word == self.ino)
                && words.clone().any(|word| word == self.sdev)
        }
    }

    /// The lines of all that is registered.
    fn registered(epoll: RawFd) -> impl Iterator<Item = String> {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{epoll}")).unwrap_or_default();
        let lines: Vec<_> = info
            .lines()
            .filter(|line| line.starts_with("tfd:"))
            .map(str::to_owned)
            .collect();
        lines.into_iter()
    }
}

//! Whether real I/O could still arrive.
//!
//! On Linux the runtime's epoll descriptor is found through `/proc`, by a socket that is registered for a moment. It says how much is
//! registered, and, since an epoll descriptor can itself be polled, when something has arrived. Elsewhere real I/O is not seen: the
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
        os::fd::{AsRawFd, RawFd},
        time::{Duration, Instant},
    };

    use nix::{
        errno::Errno,
        poll::{PollFd, PollFlags, PollTimeout, poll},
    };
    use tokio::{net::UnixDatagram, runtime::Runtime};

    /// The epoll descriptor of a runtime.
    pub(super) struct Epoll {
        fd: RawFd,
        /// How much tokio has registered for itself.
        own: usize,
    }

    impl Epoll {
        pub(super) fn of(runtime: &Runtime) -> Option<Self> {
            let _entered = runtime.enter();
            let probe = UnixDatagram::unbound().ok()?;
            let marker = registration(probe.as_raw_fd());
            let fd = fs::read_dir("/proc/self/fd")
                .ok()?
                .filter_map(Result::ok)
                .filter(|fd| {
                    fs::read_link(fd.path())
                        .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
                })
                .filter_map(|fd| fd.file_name().to_str()?.parse().ok())
                .find(|fd| registered(*fd).any(|line| line.starts_with(&marker)))?;
            drop(probe);
            Some(Self {
                fd,
                own: registered(fd).count(),
            })
        }

        pub(super) fn is_used(&self) -> bool {
            registered(self.fd).count() > self.own
        }

        pub(super) fn wait(&self, limit: Option<Duration>) -> bool {
            let until = limit.map(|limit| Instant::now() + limit);
            loop {
                let timeout = match until {
                    None => PollTimeout::NONE,
                    Some(until) => {
                        let left = until.saturating_duration_since(Instant::now());
                        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
                    }
                };
                match poll(
                    &mut [PollFd::new(self.borrow(), PollFlags::POLLIN)],
                    timeout,
                ) {
                    Ok(ready) => return ready > 0,
                    Err(Errno::EINTR) => {}
                    // Better to look once too often.
                    Err(_) => return true,
                }
            }
        }

        #[expect(
            unsafe_code,
            reason = "tokio does not lend its descriptor; the argument is below"
        )]
        fn borrow(&self) -> std::os::fd::BorrowedFd<'_> {
            // SAFETY: it belongs to the runtime, which is alive: this is called by its own hook, on its own thread. It is not -1.
            unsafe { std::os::fd::BorrowedFd::borrow_raw(self.fd) }
        }
    }

    /// How the kernel begins the line of a registered descriptor.
    fn registration(fd: RawFd) -> String {
        format!("tfd: {fd:8} ")
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

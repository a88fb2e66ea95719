//! Tells the service manager how the server is: `sd_notify(3)`, and the watchdog of
//! `sd_watchdog_enabled(3)`.

use std::{
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
    time::{Duration, Instant},
};

use super::environment;

const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Where to tell it, if there is anybody to be told. Nothing that is told is waited for, and nothing
/// fails because it cannot be told.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    manager: Option<Manager>,
    watchdog: Option<Watchdog>,
}

#[derive(Debug)]
struct Manager {
    /// The variable, for the server that takes this one's place.
    variable: String,
    socket: UnixDatagram,
    addr: SocketAddr,
}

#[derive(Debug)]
struct Watchdog {
    limit: Duration,
    next: Instant,
}

impl Notifier {
    /// Takes the address out of the environment, so that no process that is started by a worker
    /// speaks for the server.
    pub(super) fn take() -> Self {
        let [socket, usec, pid] = [SOCKET, WATCHDOG, WATCHDOG_PID].map(environment::take_variable);
        let Some(variable) = socket else {
            return Self::default();
        };
        let manager = match address(&variable).and_then(|addr| Ok((addr, UnixDatagram::unbound()?)))
        {
            Ok((addr, socket)) => {
                let _ = socket.set_nonblocking(true);
                Manager {
                    variable,
                    socket,
                    addr,
                }
            }
            Err(err) => {
                tracing::warn!(%err, address = variable, "the service manager cannot be told how the server is");
                return Self::default();
            }
        };
        let for_us = pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let limit = usec
            .and_then(|usec| usec.parse().ok())
            .map(Duration::from_micros);
        let watchdog = limit.filter(|limit| for_us && !limit.is_zero());
        Self {
            manager: Some(manager),
            watchdog: watchdog.map(|limit| Watchdog {
                limit,
                next: Instant::now(),
            }),
        }
    }

    fn tell(&self, state: &str) {
        let Some(manager) = &self.manager else {
            return;
        };
        tracing::debug!(state, "service manager told");
        if let Err(err) = manager.socket.send_to_addr(state.as_bytes(), &manager.addr) {
            tracing::warn!(%err, state, "the service manager was not told");
        }
    }

    /// The server serves; also the end of a reload.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    pub(super) fn reloading(&self, status: &str) {
        let now = monotonic_usec();
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS={status}"
        ));
    }

    pub(super) fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={status}"));
    }

    pub(super) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// The service is that process from now on.
    pub(super) fn main_pid(&self, pid: u32, status: &str) {
        self.tell(&format!("MAINPID={pid}\nREADY=1\nSTATUS={status}"));
    }

    /// When the next sign of life is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watchdog.as_ref().map(|watchdog| watchdog.next)
    }

    /// Gives a sign of life when it is due.
    pub(super) fn tick(&mut self, now: Instant) {
        match &mut self.watchdog {
            Some(watchdog) if watchdog.next <= now => {
                // Half of the limit is what sd_watchdog_enabled(3) recommends.
                watchdog.next = now + watchdog.limit / 2;
                self.tell("WATCHDOG=1");
            }
            _ => {}
        }
    }

    /// The variables for a process `pid` that takes this one's place.
    pub(super) fn variables(&self, pid: u32) -> Vec<(&'static str, String)> {
        let Some(manager) = &self.manager else {
            return Vec::new();
        };
        let mut variables = vec![(SOCKET, manager.variable.clone())];
        if let Some(watchdog) = &self.watchdog {
            variables.push((WATCHDOG, watchdog.limit.as_micros().to_string()));
            variables.push((WATCHDOG_PID, pid.to_string()));
        }
        variables
    }
}

/// A path, or a name in the abstract namespace of Linux, which is written with an `@`.
fn address(variable: &str) -> io::Result<SocketAddr> {
    if let Some(name) = variable.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt as _;
            return SocketAddr::from_abstract_name(name);
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = name;
            return Err(io::ErrorKind::Unsupported.into());
        }
    }
    if variable.starts_with('/') {
        return SocketAddr::from_pathname(variable);
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{SOCKET} is neither a path nor an abstract name"),
    ))
}

/// The time as systemd compares it with the time of its own request to reload.
fn monotonic_usec() -> i64 {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |now| now.tv_sec() * 1_000_000 + now.tv_nsec() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_addresses_of_both_kinds() {
        assert!(
            address("/run/systemd/notify")
                .unwrap()
                .as_pathname()
                .is_some()
        );
        assert!(address("vsock:2:1234").is_err());
        assert!(address("").is_err());
        assert_eq!(address("@a/b").is_ok(), cfg!(target_os = "linux"));
    }

    #[test]
    fn notify_nobody_is_fine() {
        let mut notifier = Notifier::default();
        notifier.ready("x");
        notifier.tick(Instant::now());
        assert_eq!(notifier.due(), None);
        assert!(notifier.variables(1).is_empty());
    }
}

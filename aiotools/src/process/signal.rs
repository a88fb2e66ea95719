//! The signals by name.

use std::{fmt, str::FromStr};

use nix::sys::signal::Signal as Raw;

/// A Unix signal: what a child process is sent, and what `yield_!` of a worker of a server resumes
/// with.
///
/// Those that programs send each other are associated constants, so that they can be
/// matched on:
///
/// ```
/// use aiotools::Signal;
///
/// fn describe(signal: Signal) -> &'static str {
///     match signal {
///         Signal::INT => "interrupted",
///         Signal::TERM => "terminated",
///         _ => "stopped",
///     }
/// }
///
/// assert_eq!(describe(Signal::TERM), "terminated");
/// assert_eq!(Signal::TERM.to_string(), "SIGTERM");
/// assert_eq!("usr1".parse(), Ok(Signal::USR1));
/// ```
///
/// Compared with [`tokio::signal::unix::SignalKind`], which it converts into, it holds known
/// signals only and has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(Raw);

impl Signal {
    /// `SIGHUP`: the terminal went away; by custom, "reload".
    pub const HUP: Self = Self(Raw::SIGHUP);
    /// `SIGINT`: Ctrl-C.
    pub const INT: Self = Self(Raw::SIGINT);
    /// `SIGQUIT`: Ctrl-\.
    pub const QUIT: Self = Self(Raw::SIGQUIT);
    /// `SIGTERM`: the polite request to end, as service managers send it.
    pub const TERM: Self = Self(Raw::SIGTERM);
    /// `SIGUSR1`: free for use.
    pub const USR1: Self = Self(Raw::SIGUSR1);
    /// `SIGUSR2`: free for use.
    pub const USR2: Self = Self(Raw::SIGUSR2);
    /// `SIGTTIN`: a background process reads from the terminal; sent to a server, "one worker more".
    pub const TTIN: Self = Self(Raw::SIGTTIN);
    /// `SIGTTOU`: a background process writes to the terminal; sent to a server, "one worker less".
    pub const TTOU: Self = Self(Raw::SIGTTOU);
    /// `SIGALRM`: a timer of the process.
    pub const ALRM: Self = Self(Raw::SIGALRM);
    /// `SIGWINCH`: the terminal changed its size.
    pub const WINCH: Self = Self(Raw::SIGWINCH);
    /// `SIGKILL`: ends a process at once; it cannot be a stop signal.
    pub const KILL: Self = Self(Raw::SIGKILL);
    /// `SIGSTOP`: halts a process; it cannot be a stop signal.
    pub const STOP: Self = Self(Raw::SIGSTOP);
    /// `SIGCHLD`: a child ended; it cannot be a stop signal, the server needs it.
    pub const CHLD: Self = Self(Raw::SIGCHLD);

    /// The signal with this number on this platform; `None` for numbers without a name, such as
    /// real-time signals.
    #[must_use]
    pub fn from_raw(number: i32) -> Option<Self> {
        Raw::try_from(number).ok().map(Self)
    }

    /// The number of the signal on this platform.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0 as i32
    }

    /// The name in capitals, with `SIG` in front.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.as_str()
    }

    pub(crate) const fn to_nix(self) -> Raw {
        self.0
    }

    /// Whether a process can choose to take this signal as a request to stop: it can be caught, it
    /// does not tell of a fault in the process itself, and the server does not need it for its own
    /// work.
    #[cfg(feature = "server")]
    pub(crate) const fn can_stop(self) -> bool {
        !matches!(
            self.0,
            Raw::SIGKILL
                | Raw::SIGSTOP
                | Raw::SIGCHLD
                | Raw::SIGILL
                | Raw::SIGFPE
                | Raw::SIGSEGV
                | Raw::SIGBUS
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Signal> for i32 {
    fn from(signal: Signal) -> Self {
        signal.as_raw()
    }
}

impl From<Signal> for tokio::signal::unix::SignalKind {
    fn from(signal: Signal) -> Self {
        Self::from_raw(signal.as_raw())
    }
}

impl TryFrom<i32> for Signal {
    type Error = UnknownSignal;

    fn try_from(number: i32) -> Result<Self, UnknownSignal> {
        Self::from_raw(number).ok_or(UnknownSignal(()))
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Takes the name with or without `SIG`, in either case.
    fn from_str(name: &str) -> Result<Self, UnknownSignal> {
        let name = name.to_ascii_uppercase();
        let bare = name.strip_prefix("SIG").unwrap_or(&name);
        Raw::iterator()
            .find(|raw| raw.as_str().strip_prefix("SIG") == Some(bare))
            .map(Self)
            .ok_or(UnknownSignal(()))
    }
}

/// The error of a conversion into [`Signal`]: no signal has this number or name here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such signal")]
pub struct UnknownSignal(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_names_go_both_ways() {
        for raw in Raw::iterator() {
            let signal = Signal(raw);
            assert_eq!(signal.name().parse(), Ok(signal));
            assert_eq!(signal.name()[3..].to_lowercase().parse(), Ok(signal));
            assert_eq!(Signal::from_raw(signal.as_raw()), Some(signal));
        }
        assert_eq!("SIGNONSENSE".parse::<Signal>(), Err(UnknownSignal(())));
        assert_eq!(Signal::try_from(0), Err(UnknownSignal(())));
    }

    #[cfg(feature = "server")]
    #[test]
    fn signal_that_cannot_be_caught_cannot_stop() {
        assert!(Signal::TERM.can_stop() && Signal::USR1.can_stop());
        assert!(!Signal::KILL.can_stop() && !Signal::STOP.can_stop() && !Signal::CHLD.can_stop());
    }
}

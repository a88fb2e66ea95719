//! How a child ended.

use std::{fmt, os::unix::process::ExitStatusExt as _};

use super::Signal;

/// How a child process ended.
///
/// Compared with [`std::process::ExitStatus`], it is one of two things and can be matched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It left by itself, with this code.
    Code(u8),
    /// A signal ended it.
    Signal {
        /// The number of the signal, also of one without a name, such as a real-time signal.
        number: i32,
        /// Whether it left a core dump.
        core_dumped: bool,
    },
}

impl ExitStatus {
    /// Whether the exit code is 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// The exit code; `None` if a signal ended it.
    #[must_use]
    pub fn code(self) -> Option<u8> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal { .. } => None,
        }
    }

    /// The number of the signal that ended it; `None` if it left by itself.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Code(_) => None,
            Self::Signal { number, .. } => Some(number),
        }
    }

    /// As one number: the exit code, or minus the number of the signal.
    #[must_use]
    pub fn as_i32(self) -> i32 {
        match self {
            Self::Code(code) => code.into(),
            Self::Signal { number, .. } => -number,
        }
    }
}

impl From<std::process::ExitStatus> for ExitStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        match status.signal() {
            Some(number) => Self::Signal {
                number,
                core_dumped: status.core_dumped(),
            },
            // The kernel keeps eight bits of it.
            None => Self::Code(status.code().unwrap_or_default().to_le_bytes()[0]),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal {
                number,
                core_dumped,
            } => {
                match Signal::from_raw(number) {
                    Some(signal) => write!(f, "was killed by {signal}")?,
                    None => write!(f, "was killed by signal {number}")?,
                }
                f.write_str(if core_dumped {
                    ", with a core dump"
                } else {
                    ""
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: i32) -> ExitStatus {
        std::process::ExitStatus::from_raw(raw).into()
    }

    #[test]
    fn exit_status_tells_codes_from_signals() {
        for code in 0..=255 {
            assert_eq!(of(i32::from(code) << 8), ExitStatus::Code(code));
        }
        assert_eq!(of(11).as_i32(), -11);
        assert_eq!(of(11).to_string(), "was killed by SIGSEGV");
        // A core dump does not make another signal of it.
        assert_eq!(of(11 | 0x80).signal(), Some(11));
        assert_eq!(of(34).to_string(), "was killed by signal 34");
        assert!(of(0).success() && !of(256).success() && !of(9).success());
    }
}

//! Processes: forking them, watching them, and signals.

#[cfg(feature = "server")]
mod fork;
#[cfg(feature = "server")]
mod pidfd;
mod signal;
#[cfg(feature = "server")]
mod waitpid;

#[cfg(feature = "server")]
pub(crate) use fork::{ForkError, fork, thread_count};
#[cfg(feature = "server")]
pub(crate) use pidfd::pidfd_open;
pub use signal::{Signal, UnknownSignal};
#[cfg(feature = "server")]
pub(crate) use waitpid::try_wait;

//! Child processes that run a function of this program, and signals.
//!
//! ```
//! use aiotools::{Signal, afork, process::{ChildContext, ExitStatus, Sent}};
//!
//! fn seven() -> u8 {
//!     7
//! }
//!
//! fn length(ctx: ChildContext) -> u8 {
//!     ctx.ready(); // `afork` returns now
//!     ctx.arg().len() as u8
//! }
//!
//! #[aiotools::main(fork_server)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let child = afork(seven).await?;
//!     assert_eq!(child.wait().await?, ExitStatus::Code(7));
//!     assert_eq!(child.wait().await?, ExitStatus::Code(7)); // as often as you like
//!     assert_eq!(child.send_signal(Signal::TERM)?, Sent::AlreadyExited);
//!
//!     let child = afork(length).arg("hello").kill_on_drop(true).await?;
//!     assert_eq!(child.wait().await?, ExitStatus::Code(5));
//!     Ok(())
//! }
//! ```
//!
//! # Where the child comes from
//!
//! A process that has used tokio must not be forked: its threads are not there in the child, its locks
//! are as they happened to be, and both processes would wait on the same event queue. So:
//!
//! | the program | [`afork`] |
//! |---|---|
//! | has started a [`ForkServer`] first thing, by itself or by `#[aiotools::main(fork_server)]` | has the fork server fork |
//! | has one thread, and no sign of tokio | forks |
//! | else | [refuses](AforkError::is_refused) |
//!
//! A sign of tokio is a thread, the event queue of a runtime, a runtime around the caller, or one that
//! this library has started. A runtime of one thread that is gone leaves no such sign, and `afork` forks:
//! that this breaks tokio's rule is then for you to know.
//!
//! The fork server is a process of its own: a copy of the program as it was when `main` began, that
//! does nothing but fork, watch and reap. What a child of it finds in memory is what the program had
//! *then*, and the same goes for its environment, working directory, user and limits. So what the
//! child is to work on must come as [an argument](Afork::arg), or as [descriptors](Afork::fd).
//!
//! # The life of a child
//!
//! It starts with an empty signal mask and no signal handler; `SIGINT` and `SIGTERM` have their
//! default action, which is to end it, even where the parent ignores them. Other signals that the
//! parent ignores stay ignored. No signal that is sent to the child after that is lost, and none runs a handler of the
//! parent.
//!
//! [`afork`] returns when the child is **ready**: when its function is entered, or, if the function
//! takes a [`ChildContext`], when it says so by [`ready`](ChildContext::ready). A child that ends before
//! is an error with its [exit status](AforkError::exit_status); one that takes longer than the
//! [limit](Afork::ready_timeout) is killed.
//!
//! It ends when its function does. The exit code is the value of the function: a `u8`, unchanged; 0 for
//! `()` and `Ok`; 1 for an `Err`, which is printed as `main` would; 101 for a panic.
//!
//! Children of the fork server are reaped as soon as they end. Children that the program forked
//! itself stay zombies until something is done with the [`ChildProcess`]: until it is waited for,
//! sent a signal, or dropped. If it was dropped before the child had ended, the next fork does it,
//! or the next drop of another one.
//!
//! When the program ends, its fork server does, and the children go on. When the fork server is killed,
//! children go on as well, but [`wait`](ChildProcess::wait) can no longer tell how they
//! [end](WaitError::is_fork_server_gone), and `afork` fails.
//!
//! # Security
//!
//! The fork server has the privileges that the program had when it started it. A process with another
//! user id than that of the fork server is refused, so a worker that has dropped its privileges cannot
//! get them back here. Nothing but the program and its forks has a way to reach it: it has no name in
//! the file system, and its socket is close-on-exec.

mod afork;
mod channel;
mod child;
mod child_fn;
mod child_main;
mod context;
mod error;
mod exit_status;
mod fork;
mod fork_server;
mod local;
mod pidfd;
mod rule;
mod signal;
mod signals;
mod waitpid;
mod watch;

pub use afork::{Afork, afork};
pub use child::{ChildProcess, Sent};
#[doc(hidden)]
pub use child_fn::{ChildFn, ChildOutcome};
pub use context::ChildContext;
pub use error::{AforkError, WaitError};
pub use exit_status::ExitStatus;
#[cfg(feature = "server")]
pub(crate) use fork::{ForkError, exit_now, fork, thread_count};
pub use fork_server::ForkServer;
#[cfg(feature = "server")]
pub(crate) use pidfd::pidfd_open;
#[cfg(feature = "macros")]
pub(crate) use rule::tokio_is_used;
pub use signal::{Signal, UnknownSignal};
#[cfg(feature = "server")]
pub(crate) use waitpid::try_wait;

//! Why a manager is left.

use std::fmt;

/// Why a manager is resumed: what `yield_!` evaluates to.
///
/// | how the guard ended | the manager sees |
/// |---|---|
/// | [`exit().await`](super::Guard::exit), a `scope` whose body returned | `Completed` |
/// | [`exit_with(Exit::Failed)`](super::Guard::exit_with), a `try_scope` whose body returned `Err` | `Failed` |
/// | a `scope` whose body panicked, a guard dropped while its thread unwinds | `Panicked` |
/// | a guard or a `scope` future that was dropped: early return, `?`, timeout, `select!`, abort | `Cancelled` |
///
/// # Examples
///
/// ```
/// # use aiotools::{actxmgr, Exit};
/// #[actxmgr]
/// async fn report() {
///     match yield_!() {
///         Exit::Completed => println!("done"),
///         why => println!("left early: {why}"),
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// report().scope(async |()| println!("working")).await;
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// The body ended, and nothing says that it failed.
    Completed,
    /// The body ended with an error.
    Failed,
    /// The body panicked.
    Panicked,
    /// The body was dropped before its end.
    Cancelled,
}

impl Exit {
    /// Whether the body ended well: the question that decides between commit and rollback.
    #[must_use]
    pub fn is_completed(self) -> bool {
        self == Self::Completed
    }

    /// What a guard that is dropped right now resumes with.
    pub(crate) fn on_drop() -> Self {
        if std::thread::panicking() {
            Self::Panicked
        } else {
            Self::Cancelled
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        })
    }
}

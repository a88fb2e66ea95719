//! The guard: an entered manager in the caller's hands.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::coroutine::HeapFrame;
use super::exit::Exit;
use super::lend::{Lend, LendDeref, LendDerefMut};
use super::managed::Managed;
use super::outcome::Outcome;

/// A manager that has been entered: `manager().await` gives one.
///
/// It derefs to the yielded value (`T` for `T`, `&T` and `&mut T`). Leave it with [`exit`](Self::exit)
/// or [`exit_with`](Self::exit_with), which wait for the cleanup and give its result.
///
/// # What happens on drop
///
/// The manager resumes with [`Exit::Cancelled`], or [`Exit::Panicked`] if the thread is panicking,
/// and its cleanup goes on in the background: owned by the runtime on which the manager was entered,
/// waited for by [`cleanup::drain`](crate::cleanup::drain), its errors reported to the
/// [error hook](crate::cleanup::set_error_hook). Nothing blocks.
///
/// # Examples
///
/// ```
/// # use aiotools::actxmgr;
/// #[actxmgr]
/// async fn session(user: &'static str) -> &mut String {
///     let mut notes = format!("{user}:");
///     yield_!(&mut notes);
///     println!("{notes}");
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut notes = session("ada").await;
/// notes.push_str(" hello");
/// notes.exit().await; // prints `ada: hello`
/// # }
/// ```
#[must_use = "a guard that is dropped at once is cancelled at once; keep it, or use `scope`"]
pub struct Guard<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    pub(crate) managed: Managed<HeapFrame<L, Exit, F>>,
}

impl<L, F> Guard<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    /// Leaves the manager: resumes it with [`Exit::Completed`] and waits for its cleanup.
    ///
    /// # Errors
    ///
    /// The error of the cleanup, for a manager that may fail.
    ///
    /// # Panics
    ///
    /// If the cleanup does, with its panic.
    ///
    /// # Cancel safety
    ///
    /// A cleanup is never cut short. When this future is dropped, also before its first poll, the
    /// cleanup goes on in the background, and the manager still sees `Completed`.
    #[inline]
    pub fn exit(self) -> ExitFuture<L, F> {
        self.exit_with(Exit::Completed)
    }

    /// Leaves the manager with the reason given: `exit_with(Exit::Failed)` says that the body failed.
    ///
    /// # Errors
    ///
    /// The error of the cleanup, for a manager that may fail.
    ///
    /// # Panics
    ///
    /// If the cleanup does, with its panic.
    ///
    /// # Cancel safety
    ///
    /// As [`exit`](Self::exit).
    #[inline]
    pub fn exit_with(mut self, exit: Exit) -> ExitFuture<L, F> {
        self.managed.pinned().resume(exit);
        ExitFuture {
            managed: self.managed,
        }
    }

    /// Looks at the yielded value. For types such as `Tx<'_>`, to which a guard cannot deref because
    /// the type itself says how long it is lent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::actxmgr;
    /// struct Line<'a>(&'a str);
    ///
    /// #[actxmgr]
    /// async fn line() -> Line<'_> {
    ///     let text = String::from("hello");
    ///     yield_!(Line(&text));
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let guard = line().await;
    /// assert_eq!(guard.with(|line| line.0.len()), 5);
    /// # guard.exit().await;
    /// # }
    /// ```
    pub fn with<T>(&self, look: impl for<'a> FnOnce(&<L as Lend<'a>>::Value) -> T) -> T {
        look(self.managed.driver().value())
    }

    /// Uses the yielded value; see [`with`](Self::with).
    pub fn with_mut<T>(
        &mut self,
        change: impl for<'a> FnOnce(&mut <L as Lend<'a>>::Value) -> T,
    ) -> T {
        change(self.managed.driver_mut().value_mut())
    }

    /// Uses the yielded value across awaits; see [`with`](Self::with).
    ///
    /// # Cancel safety
    ///
    /// Drops what `change` returned and leaves the guard as it is.
    pub async fn with_async<T>(
        &mut self,
        change: impl for<'a> AsyncFnOnce(&mut <L as Lend<'a>>::Value) -> T,
    ) -> T {
        change(self.managed.driver_mut().value_mut()).await
    }
}

impl<L, F> Deref for Guard<L, F>
where
    L: LendDeref + ?Sized,
    F: Future<Output: Outcome>,
{
    type Target = L::Target;

    fn deref(&self) -> &L::Target {
        L::target(self.managed.driver().value())
    }
}

impl<L, F> DerefMut for Guard<L, F>
where
    L: LendDerefMut + ?Sized,
    F: Future<Output: Outcome>,
{
    fn deref_mut(&mut self) -> &mut L::Target {
        L::target_mut(self.managed.driver_mut().value_mut())
    }
}

impl<L, F> fmt::Debug for Guard<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// The cleanup of a manager, awaited by who left it: what [`Guard::exit`] returns.
///
/// Dropped, it lets the cleanup go on in the background.
#[must_use = "await it to wait for the cleanup and to see its error; dropped, the cleanup goes on in the background"]
pub struct ExitFuture<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    managed: Managed<HeapFrame<L, Exit, F>>,
}

impl<L, F> Unpin for ExitFuture<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
}

impl<L, F> Future for ExitFuture<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.managed.pinned().poll_exit(cx)
    }
}

impl<L, F> fmt::Debug for ExitFuture<L, F>
where
    L: for<'a> Lend<'a> + ?Sized,
    F: Future<Output: Outcome>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitFuture").finish_non_exhaustive()
    }
}

//! Stacks of managers and callbacks, put together at run time.

pub(crate) mod entry;
mod error;
pub(crate) mod unwind;

use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};

use self::entry::Entry;
use self::unwind::Unwinding;
use super::async_context_manager::AsyncContextManager;
use super::catch_unwind::{CatchUnwind, Panic};
use super::exit::Exit;
use super::lend::{Lend, LendDeref};
use super::outcome::Outcome;
use super::spec::About;
use crate::cleanup::Home;
use crate::lazy::lazy;

pub use self::error::ExitStackError;

/// A stack of managers and callbacks: what is entered or pushed at run time is left when the stack is, last in,
/// first out.
///
/// For cleanups whose number or kind is not known when the program is written. Where it is, scopes in each
/// other, or [`#[adefer]`](crate::adefer), say the same with less.
///
/// # Order, errors and panics
///
/// One after the other, each when the one above it has ended. Every one runs, through all errors and panics of
/// others. The first error or panic comes out when all are done; the others go to the
/// [error hook](crate::cleanup::set_error_hook).
///
/// Each is told what the stack is left with. When one fails, and the stack was left with
/// [`Exit::Completed`], those below are told [`Exit::Failed`] (or [`Exit::Panicked`]), as they would be by scopes in each
/// other.
///
/// # What happens on drop
///
/// All of it goes on in the background, in the same order, told [`Exit::Cancelled`], or [`Exit::Panicked`] if
/// the thread is panicking: as one task of the runtime on which the stack was first used, with the guarantees
/// of a dropped [`Guard`](super::Guard). In [`cleanup::stats`](crate::cleanup::stats) each callback counts as a manager
/// that was left, and the stack counts once as detached.
///
/// # Examples
///
/// ```
/// use aiotools::{AsyncExitStack, actxmgr};
///
/// #[actxmgr]
/// async fn log(name: &'static str) -> std::io::Result<&mut Vec<u32>> {
///     let mut lines = vec![];
///     yield_!(&mut lines);
///     println!("{name}: {lines:?}");
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aiotools::BoxError> {
/// let stack = AsyncExitStack::new();
/// let a = stack.enter(log("a")).await?;
/// stack.push_async_callback(|exit| async move { println!("the stack has {exit}") });
/// let b = stack.enter(log("b")).await?; // while `a` is still in use
/// a.push(1);
/// b.push(2);
/// stack.exit().await?; // prints "b: [2]", "the stack has completed", "a: [1]"
/// # Ok(())
/// # }
/// ```
#[must_use = "a stack that is dropped is left in the background; call `exit`, or use `scope`"]
pub struct AsyncExitStack {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    /// Where it was first used.
    home: Option<Home>,
}

impl Inner {
    /// Makes room for one more.
    fn reserve(&mut self) -> &mut Vec<Entry> {
        /// Enough for most, in one allocation.
        const FIRST: usize = 8;

        self.home.get_or_insert_with(Home::current);
        if self.entries.capacity() == 0 {
            self.entries.reserve(FIRST);
        } else {
            self.entries.reserve(1);
        }
        &mut self.entries
    }
}

impl AsyncExitStack {
    /// An empty stack. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                entries: Vec::new(),
                home: None,
            }),
        }
    }

    /// Enters a manager, and gives what it yields: what [`Manager::scope`](super::Manager::scope) gives to its
    /// body. What is lent is lent for as long as the stack is not left, dropped or taken apart.
    ///
    /// Not for managers that lend a type such as `Tx<'_>`: run a scope of such a manager inside the body.
    ///
    /// # Errors
    ///
    /// The error of the set-up; the stack is as it was before. A manager that cannot fail has the error type
    /// [`Infallible`](std::convert::Infallible), so that `let Ok(value) = stack.enter(manager).await;` is enough.
    ///
    /// # Panics
    ///
    /// If the set-up does.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the manager has yielded, the future drops what the set-up had made, and the stack is as
    /// it was before.
    pub async fn enter<'s, M>(
        &'s self,
        manager: M,
    ) -> Result<<M::Lend as Lend<'s>>::Value, M::Error>
    where
        M: AsyncContextManager<Lend: LendDeref, Error: Sync>,
    {
        let mut arriving = manager.__into_manager().into_arriving();
        let name = arriving.spec().about.name;
        if let Err(outcome) = poll_fn(|cx| arriving.pinned().poll_setup(cx)).await {
            let error = outcome.error_before_yield(name).downcast();
            return Err(error.expect("the error of this manager"));
        }
        let mut inner = self.lock();
        let entries = inner.reserve();
        let (entry, value) = arriving.into_cleanup(|frame| {
            #[expect(
                unsafe_code,
                reason = "the value is lent for as long as the stack is borrowed"
            )]
            // SAFETY: the frame becomes an entry of this stack, and there is room for it. An entry is resumed or
            // dropped by `exit_with` and `drop`, or goes to another stack by `pop_all`; all of them need the
            // stack itself or `&mut`, so `'s` has ended by then, and the value with it. `LendDeref`
            // says that the caller, who chooses `'s`, can leave nothing in the value that lives no
            // longer than that.
            unsafe {
                frame.lend_and_erase::<'s>()
            }
        });
        entries.push(entry);
        Ok(value)
    }

    /// Pushes an async callback. It is called when its turn comes, told why, and what it returns is awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::{AsyncExitStack, Exit};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aiotools::context::ExitStackError> {
    /// let stack = AsyncExitStack::new();
    /// stack.push_async_callback(|exit| async move {
    ///     tokio::task::yield_now().await;
    ///     assert_eq!(exit, Exit::Completed);
    /// });
    /// stack.exit().await
    /// # }
    /// ```
    pub fn push_async_callback<F>(&self, callback: impl FnOnce(Exit) -> F + Send + 'static)
    where
        F: Future<Output: Outcome<Error: Send + Sync + 'static>> + Send + 'static,
    {
        self.push(entry::callback(CALLBACK, callback));
    }

    /// Pushes a callback. It is called when its turn comes, told why, and may return an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::AsyncExitStack;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stack = AsyncExitStack::new();
    /// stack.push_callback(|_| println!("second"));
    /// stack.push_callback(|_| println!("first"));
    /// stack.exit().await.unwrap();
    /// # }
    /// ```
    pub fn push_callback<T>(&self, callback: impl FnOnce(Exit) -> T + Send + 'static)
    where
        T: Outcome<Error: Send + Sync + 'static> + Send + 'static,
    {
        self.push_async_callback(|exit| async move { callback(exit) });
    }

    fn push(&self, entry: Entry) {
        self.lock().reserve().push(entry);
    }

    /// Moves all of it to another stack. This one is empty then.
    ///
    /// # Examples
    ///
    /// A function that hands out what it has entered only if it could enter all of it:
    ///
    /// ```
    /// # use aiotools::{AsyncExitStack, actxmgr};
    /// # #[actxmgr]
    /// # async fn lease(disk: u32) -> std::io::Result<u32> { yield_!(disk); Ok(()) }
    /// async fn leases() -> std::io::Result<AsyncExitStack> {
    ///     let mut stack = AsyncExitStack::new();
    ///     for disk in 0..3 {
    ///         stack.enter(lease(disk)).await?; // an early return gives the others back
    ///     }
    ///     Ok(stack.pop_all())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() { leases().await.unwrap().exit().await.unwrap(); }
    /// ```
    pub fn pop_all(&mut self) -> Self {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        Self {
            inner: Mutex::new(std::mem::take(inner)),
        }
    }

    /// How many managers and callbacks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there is nothing to leave.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves all, last in, first out, with [`Exit::Completed`].
    ///
    /// # Errors
    ///
    /// The first error, when all are done.
    ///
    /// # Panics
    ///
    /// If the first failure is a panic, with that, when all are done.
    ///
    /// # Cancel safety
    ///
    /// No cleanup is cut short. When this future is dropped, also before its first poll, the rest goes on in the
    /// background, in the same order, and still sees `Completed`.
    pub fn exit(self) -> impl Future<Output = Result<(), ExitStackError>> + Send {
        self.exit_with(Exit::Completed)
    }

    /// Leaves all with the reason given; see [`exit`](Self::exit).
    ///
    /// # Errors
    ///
    /// As [`exit`](Self::exit).
    ///
    /// # Panics
    ///
    /// As [`exit`](Self::exit).
    ///
    /// # Cancel safety
    ///
    /// As [`exit`](Self::exit).
    pub fn exit_with(
        mut self,
        exit: Exit,
    ) -> impl Future<Output = Result<(), ExitStackError>> + Send {
        let mut unwinding = self.unwind(exit);
        async move {
            match unwinding.run(exit).await.take() {
                None => Ok(()),
                Some(first) => Err(ExitStackError::new(first)),
            }
        }
    }

    /// Leaves all, where something else has gone wrong before.
    async fn exit_behind(mut self, exit: Exit) {
        self.unwind(exit).run_behind(exit).await;
    }

    fn unwind(&mut self, exit: Exit) -> Unwinding<Vec<Entry>> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Inner { entries, home } = std::mem::take(inner);
        let mut unwinding = Unwinding::armed(entries, home.unwrap_or_default());
        unwinding.leave(exit);
        unwinding
    }

    /// Runs `body` with a stack, and leaves that, as a [scope](super::Manager::scope) of a manager does.
    ///
    /// # Errors
    ///
    /// The first error of a cleanup.
    ///
    /// # Panics
    ///
    /// If `body` or a cleanup does; that of `body` comes before those of cleanups.
    ///
    /// # Cancel safety
    ///
    /// Dropped while `body` runs, the future drops `body`, then leaves the stack in the background, with
    /// [`Exit::Cancelled`]. Dropped while the stack is being left, it lets that go on in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiotools::{AsyncExitStack, actxmgr};
    ///
    /// #[actxmgr]
    /// async fn plus_one(a: i32) -> i32 {
    ///     yield_!(a + 1);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let last = AsyncExitStack::scope(async |stack| {
    ///     let mut n = 0;
    ///     for _ in 0..3 {
    ///         n = stack.enter(plus_one(n)).await.unwrap();
    ///     }
    ///     n
    /// })
    /// .await;
    /// assert_eq!(last.unwrap(), 3);
    /// # }
    /// ```
    pub fn scope<T, B>(body: B) -> impl Future<Output = Result<T, ExitStackError>>
    where
        B: for<'s> AsyncFnOnce(&'s Self) -> T,
    {
        let mut body = Some(body);
        async move {
            let stack = Self::new();
            let body = body.take().expect("a scope runs its body once");
            match stack.lend_to(body).await {
                Ok(value) => stack.exit().await.map(|()| value),
                Err(panic) => {
                    stack.exit_behind(Exit::Panicked).await;
                    resume_unwind(panic)
                }
            }
        }
    }

    /// Runs a `body` that may fail; see [`scope`](Self::scope). When it returns an `Err`, the stack is left with
    /// [`Exit::Failed`], and the error comes out as it is.
    ///
    /// # Errors
    ///
    /// The first of: the error of the body, of a cleanup.
    ///
    /// # Panics
    ///
    /// As [`scope`](Self::scope).
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    pub fn try_scope<T, X, B>(body: B) -> impl Future<Output = Result<T, X>>
    where
        X: From<ExitStackError>,
        B: for<'s> AsyncFnOnce(&'s Self) -> Result<T, X>,
    {
        let mut body = Some(body);
        async move {
            let stack = Self::new();
            let body = body.take().expect("a scope runs its body once");
            match stack.lend_to(body).await {
                Ok(Ok(value)) => {
                    stack.exit().await?;
                    Ok(value)
                }
                Ok(Err(error)) => {
                    stack.exit_behind(Exit::Failed).await;
                    Err(error)
                }
                Err(panic) => {
                    stack.exit_behind(Exit::Panicked).await;
                    resume_unwind(panic)
                }
            }
        }
    }

    /// Runs `body` with this stack; a panic comes back as its payload.
    fn lend_to<'s, T, B>(&'s self, body: B) -> impl Future<Output = Result<T, Panic>>
    where
        B: for<'b> AsyncFnOnce(&'b Self) -> T,
    {
        CatchUnwind::new(lazy(
            (body, self),
            |(body, stack): (B, &'s Self)| (body(stack), ()),
            |(), value| value,
        ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What reports call a callback.
const CALLBACK: &About = &About::new("a callback of an exit stack");

impl Default for AsyncExitStack {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for AsyncExitStack {
    fn drop(&mut self) {
        drop(self.unwind(Exit::on_drop()));
    }
}

impl fmt::Debug for AsyncExitStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncExitStack")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

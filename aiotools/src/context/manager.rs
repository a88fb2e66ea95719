//! Managers: what a function under `#[actxmgr]` returns.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;

use super::async_context_manager::AsyncContextManager;
use super::coroutine::{Coroutine, Driver, ErasedFrame, HeapFrame, Output, PinnedFrame};
use super::enter::Enter;
use super::exit::Exit;
use super::exit_stack::entry::{Arriving, arriving};
use super::lend::{Lend, LendDeref};
use super::managed::{Kind, Managed};
use super::mapped::Mapped;
use super::outcome::{Outcome, OutcomeInto};
use super::scope;
use super::spec::Spec;
use crate::cleanup::detach;

/// A manager that runs, with its coroutine on the heap.
type OnHeap<C> = Managed<HeapFrame<<C as Coroutine>::Lend, Exit, <C as Coroutine>::Future>>;

/// An async context manager that has not been entered: what a function under
/// [`#[actxmgr]`](crate::actxmgr) returns. Nothing has run yet; dropping it does nothing.
///
/// Enter it by awaiting it, which gives a [`Guard`](super::Guard), or run a body in it with
/// [`scope`](Self::scope) or [`try_scope`](Self::try_scope).
#[must_use = "a manager does nothing until it is entered: `.await` it, or call `.scope(..)`"]
pub struct Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    /// `None` once it has been entered through [`AsyncContextManager`].
    coroutine: Option<C>,
    spec: Spec<Output<C>>,
    kind: Kind<HeapFrame<C::Lend, Exit, C::Future>>,
    /// Set when it is driven through [`AsyncContextManager`], which enters in place.
    entered: Option<Box<OnHeap<C>>>,
}

impl<C> Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    /// The default kind: its cleanup can go on in the background of any thread.
    #[doc(hidden)]
    pub fn shared(spec: Spec<Output<C>>, coroutine: C) -> Self
    where
        // Whoever annotates a function that does not meet these is shown the lines, comment and all.
        C::Lend: for<'a> Lend<'a, Value: Send>, // or write `#[actxmgr(local)]`
        C::Future: Send,                        // or write `#[actxmgr(local)]`
        C::Lend: 'static,
        C::Future: 'static,
        <Output<C> as Outcome>::Error: 'static,
    {
        Self {
            coroutine: Some(coroutine),
            spec: spec.with_static_error(),
            kind: detach::shared(),
            entered: None,
        }
    }

    /// `local`: its cleanup can go on in the background of the thread that entered it.
    #[doc(hidden)]
    pub fn local(spec: Spec<Output<C>>, coroutine: C) -> Self
    where
        C::Lend: 'static,
        C::Future: 'static,
        <Output<C> as Outcome>::Error: 'static,
    {
        Self {
            coroutine: Some(coroutine),
            spec: spec.with_static_error(),
            kind: detach::local(),
            entered: None,
        }
    }

    /// Enters the manager: runs it up to its yield. The same as awaiting it.
    ///
    /// # Errors
    ///
    /// The error of the set-up, for a manager that may fail.
    ///
    /// # Panics
    ///
    /// If the set-up does, or if it returns without yielding.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the yield, the future drops what the set-up had made; the code after the yield
    /// does not run, because the manager was never entered.
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::actxmgr;
    /// #[actxmgr]
    /// async fn plus_one(a: i32) -> i32 {
    ///     yield_!(a + 1);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let b = plus_one(1).enter().await;
    /// assert_eq!(*b, 2);
    /// b.exit().await;
    /// # }
    /// ```
    pub fn enter(self) -> Enter<C::Lend, C::Future> {
        Enter {
            managed: Some(self.start()),
        }
    }

    fn start(mut self) -> OnHeap<C> {
        self.start_in_place()
    }

    fn start_in_place(&mut self) -> OnHeap<C> {
        let coroutine = self.coroutine.take().expect("a manager is entered once");
        Managed::new(HeapFrame::start(coroutine), self.spec, self.kind)
    }

    /// The manager, started but not polled, without the types that are its own.
    pub(crate) fn into_member(
        mut self,
    ) -> Managed<ErasedFrame<C::Lend, <Output<C> as Outcome>::Error>>
    where
        C::Lend: for<'a> Lend<'a, Value: Send> + 'static,
        C::Future: Send + 'static,
        <Output<C> as Outcome>::Error: 'static,
    {
        let coroutine = Mapped {
            coroutine: self.coroutine.take().expect("a manager is entered once"),
            map: Outcome::into_result,
        };
        let spec = Output::<C>::fallible(self.spec);
        Managed::new(HeapFrame::start(coroutine).erase(), spec, detach::shared())
    }

    /// The manager, started but not polled, on its way to a stack of cleanups.
    pub(crate) fn into_arriving(mut self) -> Arriving<C>
    where
        C::Lend: for<'a> Lend<'a, Value: Send> + 'static,
        C::Future: Send + 'static,
        <Output<C> as Outcome>::Error: Send + Sync + 'static,
    {
        let coroutine = self.coroutine.take().expect("a manager is entered once");
        arriving(coroutine, self.spec.about)
    }

    /// Runs `body` inside the manager: Python's `async with`.
    ///
    /// Enters, gives the yielded value to `body`, resumes the manager with [`Exit::Completed`], waits
    /// for its cleanup, and gives what the body returned: `T`, or `Result<T, E>` for a manager that
    /// may fail with `E`.
    ///
    /// A panic in `body` resumes the manager with [`Exit::Panicked`], and goes on when the cleanup is
    /// done.
    ///
    /// # Errors
    ///
    /// The error of the set-up, in which case `body` does not run, or of the cleanup.
    ///
    /// # Panics
    ///
    /// If `body`, the set-up or the cleanup does. Of two panics that of the body wins; the other is
    /// reported to the [error hook](crate::cleanup::set_error_hook).
    ///
    /// # Cancel safety
    ///
    /// Dropped while `body` runs, the future drops `body`, then resumes the manager with
    /// [`Exit::Cancelled`] in the background. Dropped during the cleanup, it lets that go on in the
    /// background.
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::actxmgr;
    /// # #[actxmgr]
    /// # async fn plus_one(a: i32) -> i32 { yield_!(a + 1); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let product = plus_one(1).scope(async |b| b * 10).await;
    /// assert_eq!(product, 20);
    /// # }
    /// ```
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = <Output<C> as Outcome>::With<T>>
    where
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> T,
    {
        let mut body = Some(body);
        async move {
            let mut managed = self.start();
            scope::scope(&mut managed, &mut body).await
        }
    }

    /// Runs a `body` that may fail inside the manager.
    ///
    /// As [`scope`](Self::scope), and when `body` returns an `Err`, the manager resumes with
    /// [`Exit::Failed`], and the error comes out as it is.
    ///
    /// # Errors
    ///
    /// The first of: the error of the set-up, of the body, of the cleanup. Where the body has failed,
    /// an error of the cleanup does not hide it, and is reported to the
    /// [error hook](crate::cleanup::set_error_hook).
    ///
    /// # Panics
    ///
    /// As [`scope`](Self::scope).
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::{actxmgr, Exit};
    /// #[actxmgr]
    /// async fn lease() -> u32 {
    ///     let exit = yield_!(7);
    ///     assert_eq!(exit, Exit::Failed);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = lease()
    ///     .try_scope(async |id| format!("{id}x").parse::<u32>())
    ///     .await;
    /// assert!(parsed.is_err());
    /// # }
    /// ```
    pub fn try_scope<T, X, B>(self, body: B) -> impl Future<Output = Result<T, X>>
    where
        Output<C>: OutcomeInto<X>,
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> Result<T, X>,
    {
        let mut body = Some(body);
        async move {
            let mut managed = self.start();
            scope::try_scope(&mut managed, &mut body).await
        }
    }
}

impl<C> IntoFuture for Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    type Output = <Enter<C::Lend, C::Future> as Future>::Output;
    type IntoFuture = Enter<C::Lend, C::Future>;

    fn into_future(self) -> Enter<C::Lend, C::Future> {
        self.enter()
    }
}

/// For code that takes any manager. Where the manager is known, [`enter`](Self::enter), which takes it
/// by value, and [`scope`](Self::scope) are the better way.
///
/// Not for managers that lend a type such as `Tx<'_>`: here the caller chooses the lifetime, and could
/// leave something in the value that lives shorter than the manager believes.
impl<C> AsyncContextManager for Manager<C>
where
    C: Coroutine<Resume = Exit> + Send + 'static,
    C::Lend: LendDeref + for<'a> Lend<'a, Value: Send> + 'static,
    C::Future: Future<Output: Outcome<Error: Send + 'static>> + Send + 'static,
{
    type Lend = C::Lend;
    type Error = <Output<C> as Outcome>::Error;

    async fn enter(&mut self) -> Result<<C::Lend as Lend<'_>>::Value, Self::Error> {
        let managed = Box::new(self.start_in_place());
        let managed = self.entered.insert(managed);
        match poll_fn(|cx| managed.poll_setup(cx)).await {
            Ok(()) => Ok(managed.driver_mut().lend()),
            Err(outcome) => Err(outcome.error_before_yield(self.spec.about.name)),
        }
    }

    async fn exit(mut self, exit: Exit) -> Result<(), Self::Error> {
        let managed = self
            .entered
            .as_mut()
            .expect("a manager is left after it was entered");
        managed.resume(exit);
        let ended = managed.run_cleanup().await;
        ended.unwrap_or_else(self.spec.timed_out).into_result()
    }

    fn __into_manager(
        self,
    ) -> Manager<
        impl Coroutine<
            Lend = Self::Lend,
            Resume = Exit,
            Future: Future<Output: Outcome<Error = Self::Error>> + Send + 'static,
        > + Send
        + 'static,
    > {
        self
    }
}

impl<C> fmt::Debug for Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager")
            .field("name", &self.spec.about.name)
            .finish_non_exhaustive()
    }
}

/// A manager that may borrow its arguments: what a function under `#[actxmgr(scoped)]` returns.
///
/// It lives in the future of its scope: it allocates nothing, and its cleanup cannot outlive what it
/// borrows. So it has no guard, and when its scope is dropped in mid-flight, the cleanup is resumed
/// with [`Exit::Cancelled`] and polled once, there and then. What it does not get done in that one
/// poll is dropped, counted as [`abandoned`](crate::cleanup::Stats::abandoned) and reported to the
/// [error hook](crate::cleanup::set_error_hook).
///
/// # Examples
///
/// ```
/// # use aiotools::actxmgr;
/// struct Pool { leased: std::cell::Cell<u32> }
///
/// impl Pool {
///     #[actxmgr(scoped)]
///     async fn lease(&self) -> u32 {
///         self.leased.set(self.leased.get() + 1);
///         yield_!(self.leased.get());
///         self.leased.set(self.leased.get() - 1);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pool = Pool { leased: Default::default() };
/// assert_eq!(pool.lease().scope(async |n| n).await, 1);
/// assert_eq!(pool.leased.get(), 0);
/// # }
/// ```
#[must_use = "a manager does nothing until it is entered: call `.scope(..)`"]
pub struct ScopedManager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    coroutine: C,
    spec: Spec<Output<C>>,
}

impl<C> ScopedManager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    #[doc(hidden)]
    pub fn new(spec: Spec<Output<C>>, coroutine: C) -> Self {
        Self { coroutine, spec }
    }

    /// Runs `body` inside the manager; see [`Manager::scope`].
    ///
    /// # Errors
    ///
    /// The error of the set-up, in which case `body` does not run, or of the cleanup.
    ///
    /// # Panics
    ///
    /// As [`Manager::scope`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while `body` runs, the future drops `body`, resumes the manager with
    /// [`Exit::Cancelled`] and polls its cleanup once. Dropped during the cleanup, it polls that once
    /// more.
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = <Output<C> as Outcome>::With<T>>
    where
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> T,
    {
        let mut body = Some(body);
        async move {
            let place = pin!(PinnedFrame::place());
            let driver = PinnedFrame::start(place, self.coroutine);
            let mut managed = Managed::new(driver, self.spec, detach::scoped());
            scope::scope(&mut managed, &mut body).await
        }
    }

    /// Runs a `body` that may fail inside the manager; see [`Manager::try_scope`].
    ///
    /// # Errors
    ///
    /// The first of: the error of the set-up, of the body, of the cleanup.
    ///
    /// # Panics
    ///
    /// As [`Manager::scope`].
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    pub fn try_scope<T, X, B>(self, body: B) -> impl Future<Output = Result<T, X>>
    where
        Output<C>: OutcomeInto<X>,
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> Result<T, X>,
    {
        let mut body = Some(body);
        async move {
            let place = pin!(PinnedFrame::place());
            let driver = PinnedFrame::start(place, self.coroutine);
            let mut managed = Managed::new(driver, self.spec, detach::scoped());
            scope::try_scope(&mut managed, &mut body).await
        }
    }
}

impl<C> fmt::Debug for ScopedManager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedManager")
            .field("name", &self.spec.about.name)
            .finish_non_exhaustive()
    }
}

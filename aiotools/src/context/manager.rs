//! Managers: what a function under `#[actxmgr]` returns.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;

use super::async_context_manager::AsyncContextManager;
use super::coroutine::{Coroutine, Driver, ErasedFrame, Frame, HeapFrame, Output};
use super::enter::Enter;
use super::exit::Exit;
use super::exit_stack::entry::{Arriving, arriving};
use super::lend::{Lend, LendDeref};
use super::managed::{Kind, Managed};
use super::mapped::Mapped;
use super::outcome::{Outcome, OutcomeInto};
use super::scope::{Fallible, Plain, Scope};
use super::spec::Spec;
use crate::cleanup::detach;

/// A manager that runs, with its coroutine on the heap.
type OnHeap<C> = Managed<HeapFrame<<C as Coroutine>::Lend, Exit, <C as Coroutine>::Future>>;

/// A manager that runs, with its coroutine in its future.
type InPlace<C> = Managed<Frame<<C as Coroutine>::Lend, Exit, <C as Coroutine>::Future>>;

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
    state: State<C>,
    spec: Spec<Output<C>>,
    kind: Kind<HeapFrame<C::Lend, Exit, C::Future>>,
}

/// Only [`AsyncContextManager`], which enters in place, goes beyond `Waiting`.
enum State<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    Waiting(C),
    Entered(Box<OnHeap<C>>),
    /// If it panicked when it was started.
    Gone,
}

impl<C> Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    /// The default kind: its cleanup can go on in the background of any thread.
    #[doc(hidden)]
    #[inline]
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
            state: State::Waiting(coroutine),
            spec: spec.with_static_error(),
            kind: detach::shared(),
        }
    }

    /// `local`: its cleanup can go on in the background of the thread that entered it.
    #[doc(hidden)]
    #[inline]
    pub fn local(spec: Spec<Output<C>>, coroutine: C) -> Self
    where
        C::Lend: 'static,
        C::Future: 'static,
        <Output<C> as Outcome>::Error: 'static,
    {
        Self {
            state: State::Waiting(coroutine),
            spec: spec.with_static_error(),
            kind: detach::local(),
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
    #[inline]
    pub fn enter(self) -> Enter<C::Lend, C::Future> {
        Enter {
            managed: Some(self.start()),
        }
    }

    #[inline]
    fn start(self) -> OnHeap<C> {
        let (spec, kind) = (self.spec, self.kind);
        Managed::new(HeapFrame::start(self.into_coroutine()), spec, kind)
    }

    #[inline]
    fn into_coroutine(self) -> C {
        match self.state {
            State::Waiting(coroutine) => coroutine,
            State::Entered(_) | State::Gone => panic!("a manager is entered once"),
        }
    }

    /// The manager, started but not polled, without the types that are its own.
    pub(crate) fn into_member(self) -> Managed<ErasedFrame<C::Lend, <Output<C> as Outcome>::Error>>
    where
        C::Lend: for<'a> Lend<'a, Value: Send> + 'static,
        C::Future: Send + 'static,
        <Output<C> as Outcome>::Error: 'static,
    {
        let spec = Output::<C>::fallible(self.spec);
        let coroutine = Mapped {
            coroutine: self.into_coroutine(),
            map: Outcome::into_result,
        };
        Managed::new(HeapFrame::start(coroutine).erase(), spec, detach::shared())
    }

    /// The manager, started but not polled, on its way to a stack of cleanups.
    pub(crate) fn into_arriving(self) -> Arriving<C>
    where
        C::Lend: for<'a> Lend<'a, Value: Send> + 'static,
        C::Future: Send + 'static,
        <Output<C> as Outcome>::Error: Send + Sync + 'static,
    {
        let about = self.spec.about;
        arriving(self.into_coroutine(), about)
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
    #[inline]
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = <Output<C> as Outcome>::With<T>>
    where
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> T,
    {
        Scope::<_, _, _, _, Plain<T>>::new(self.start(), body, |body, value| body(value))
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
    #[inline]
    pub fn try_scope<T, X, B>(self, body: B) -> impl Future<Output = Result<T, X>>
    where
        Output<C>: OutcomeInto<X>,
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> Result<T, X>,
    {
        Scope::<_, _, _, _, Fallible<T, X>>::new(self.start(), body, |body, value| body(value))
    }
}

impl<C> IntoFuture for Manager<C>
where
    C: Coroutine<Resume = Exit, Future: Future<Output: Outcome>>,
{
    type Output = <Enter<C::Lend, C::Future> as Future>::Output;
    type IntoFuture = Enter<C::Lend, C::Future>;

    #[inline]
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
        let State::Waiting(coroutine) = mem::replace(&mut self.state, State::Gone) else {
            panic!("a manager is entered once");
        };
        let managed = Managed::new(HeapFrame::start(coroutine), self.spec, self.kind);
        self.state = State::Entered(Box::new(managed));
        let State::Entered(managed) = &mut self.state else {
            unreachable!("it has just been started");
        };
        match poll_fn(|cx| managed.pinned().poll_setup(cx)).await {
            Ok(()) => Ok(Pin::new(managed.driver_mut()).lend()),
            Err(outcome) => Err(outcome.error_before_yield(self.spec.about.name)),
        }
    }

    async fn exit(mut self, exit: Exit) -> Result<(), Self::Error> {
        let State::Entered(managed) = &mut self.state else {
            panic!("a manager is left after it was entered");
        };
        managed.pinned().resume(exit);
        poll_fn(|cx| managed.pinned().poll_exit(cx))
            .await
            .into_result()
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
    #[inline]
    pub fn new(spec: Spec<Output<C>>, coroutine: C) -> Self {
        Self { coroutine, spec }
    }

    #[inline]
    fn start(self) -> InPlace<C> {
        Managed::new(Frame::start(self.coroutine), self.spec, detach::scoped())
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
    #[inline]
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = <Output<C> as Outcome>::With<T>>
    where
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> T,
    {
        Scope::<_, _, _, _, Plain<T>>::new(self.start(), body, |body, value| body(value))
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
    #[inline]
    pub fn try_scope<T, X, B>(self, body: B) -> impl Future<Output = Result<T, X>>
    where
        Output<C>: OutcomeInto<X>,
        B: for<'a> AsyncFnOnce(<C::Lend as Lend<'a>>::Value) -> Result<T, X>,
    {
        Scope::<_, _, _, _, Fallible<T, X>>::new(self.start(), body, |body, value| body(value))
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

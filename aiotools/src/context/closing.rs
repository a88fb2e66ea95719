//! Values that are closed by an async function, whatever way they are left.

use std::fmt;
use std::future::{Ready, poll_fn, ready};
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll, Waker};

use super::async_context_manager::AsyncContextManager;
use super::coroutine::{Body, HeapFrame, SecondHalf, YieldPoint};
use super::exit::Exit;
use super::lend::{Mut, Owned};
use super::managed::{Managed, ManagerDriver};
use super::spec::{About, Spec};
use crate::cleanup::{Home, detach};

/// Something with an async close: a connection that says goodbye, a stream with tasks behind it.
///
/// [`closing`] makes sure that it happens.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// use aiotools::{AsyncClose, closing};
///
/// struct Connection {
///     sent: Vec<&'static str>,
/// }
///
/// impl AsyncClose for Connection {
///     type Error = io::Error;
///
///     async fn close(&mut self) -> io::Result<()> {
///         self.sent.push("goodbye");
///         println!("{:?}", self.sent);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let mut connection = closing(Connection { sent: vec![] });
/// connection.sent.push("hello");
/// connection.exit().await // without this, it would be closed in the background
/// # }
/// ```
pub trait AsyncClose: Sized + Send + 'static {
    /// The error of closing; [`Infallible`](std::convert::Infallible) if there is none.
    type Error: fmt::Debug + Send + 'static;

    /// What reports of an error call it.
    const NAME: &'static str = "a value that is closed";

    /// Closes it. Called once; then the value is dropped.
    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A guard for `value`: it is closed when the guard is left, whatever the way.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{as_completed, closing};
///
/// let squares = as_completed((0..10).map(|n| async move { Ok::<u32, std::io::Error>(n * n) }));
/// let first = closing(squares).scope(async |squares| squares.next().await).await;
/// // The other nine have been cancelled, and have ended.
/// assert!(first.unwrap().is_some());
/// # });
/// ```
pub fn closing<T: AsyncClose>(value: T) -> Closing<T> {
    Closing {
        value: Some(value),
        home: Home::current(),
    }
}

/// A value that is closed when it is left: what [`closing`] gives. It derefs to the value.
///
/// It is also a manager that lends `&mut T`: it has [`scope`](Self::scope), and can be a member of an
/// [`actxgroup`](super::actxgroup()) or be entered into an [`AsyncExitStack`](super::AsyncExitStack).
///
/// # What happens on drop
///
/// The value is closed in the background, with the guarantees of a dropped [`Guard`](super::Guard), on the
/// runtime on which it was made.
#[must_use = "a guard that is dropped at once closes at once; keep it, or use `scope`"]
pub struct Closing<T: AsyncClose> {
    /// `None` once it is being closed.
    value: Option<T>,
    home: Home,
}

impl<T: AsyncClose> Closing<T> {
    /// Closes the value and waits for it.
    ///
    /// # Errors
    ///
    /// The error of closing.
    ///
    /// # Panics
    ///
    /// If closing does.
    ///
    /// # Cancel safety
    ///
    /// Closing is never cut short. When this future is dropped, also before its first poll, it goes on in the
    /// background.
    pub fn exit(self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.exit_with(Exit::Completed)
    }

    /// Closes the value, and says why to the [counters](crate::cleanup::stats) and in reports.
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
    pub fn exit_with(mut self, exit: Exit) -> impl Future<Output = Result<(), T::Error>> + Send {
        let value = self.value.take().expect("it has not been closed");
        let mut closing = start(value, std::mem::take(&mut self.home));
        closing.pinned().resume(exit);
        poll_fn(move |cx| closing.pinned().poll_exit(cx))
    }

    /// Runs `body` with the value, and closes it, as a [scope](super::Manager::scope) of a manager does.
    ///
    /// # Errors
    ///
    /// The error of closing.
    ///
    /// # Panics
    ///
    /// If `body` or closing does; that of `body` comes first.
    ///
    /// # Cancel safety
    ///
    /// Dropped, also before its first poll, the future drops `body`, then closes the value in the background.
    pub fn scope<R, B>(self, body: B) -> impl Future<Output = Result<R, T::Error>>
    where
        B: for<'a> AsyncFnOnce(&'a mut T) -> R,
    {
        self.manager().scope(body)
    }

    /// Runs a `body` that may fail with the value, and closes it; see [`scope`](Self::scope).
    ///
    /// # Errors
    ///
    /// The first of: the error of the body, of closing.
    ///
    /// # Panics
    ///
    /// As [`scope`](Self::scope).
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    pub fn try_scope<R, X, B>(self, body: B) -> impl Future<Output = Result<R, X>>
    where
        X: From<T::Error>,
        B: for<'a> AsyncFnOnce(&'a mut T) -> Result<R, X>,
    {
        self.manager().try_scope(body)
    }

    /// Gives the value back without closing it.
    pub fn into_inner(mut self) -> T {
        self.value.take().expect("it has not been closed")
    }
}

/// Closing as the second half of a manager that has been entered.
fn start<T: AsyncClose>(
    mut value: T,
    home: Home,
) -> Managed<
    impl ManagerDriver<Frame: SecondHalf<Output = Result<(), T::Error>> + 'static>
    + Unpin
    + Send
    + 'static,
> {
    let coroutine = Body::new(move |point: YieldPoint<Owned<()>, Exit>| async move {
        point.lend(()).await;
        value.close().await
    });
    let spec = Spec::new(const { &About::new(T::NAME) }).with_static_error();
    let mut closing = Managed::new(HeapFrame::start(coroutine), spec, detach::shared());
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = closing.pinned().poll_setup(&mut cx) else {
        unreachable!("it yields at once");
    };
    closing.at_home(home)
}

impl<T: AsyncClose> AsyncContextManager for Closing<T> {
    type Lend = Mut<T>;
    type Error = T::Error;

    const NAME: &'static str = T::NAME;

    async fn enter(&mut self) -> Result<&mut T, T::Error> {
        Ok(&mut **self)
    }

    async fn exit(mut self, _: Exit) -> Result<(), T::Error> {
        let mut value = self.value.take().expect("it has not been closed");
        value.close().await
    }
}

impl<T: AsyncClose> Deref for Closing<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it has not been closed")
    }
}

impl<T: AsyncClose> DerefMut for Closing<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it has not been closed")
    }
}

/// There is nothing to wait for: `closing(x).await` is `closing(x)`. So it reads as managers do.
impl<T: AsyncClose> IntoFuture for Closing<T> {
    type Output = Self;
    type IntoFuture = Ready<Self>;

    fn into_future(self) -> Ready<Self> {
        ready(self)
    }
}

impl<T: AsyncClose> Drop for Closing<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            drop(start(value, std::mem::take(&mut self.home)));
        }
    }
}

impl<T: AsyncClose + fmt::Debug> fmt::Debug for Closing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closing").field(&**self).finish()
    }
}

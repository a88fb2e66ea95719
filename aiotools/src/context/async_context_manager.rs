//! The trait behind managers, for those written by hand.

use std::fmt;

use super::coroutine::{Body, Coroutine, YieldPoint};
use super::exit::Exit;
use super::lend::Lend;
use super::manager::Manager;
use super::outcome::Outcome;
use super::spec::{About, Spec};

/// Something to enter and to leave: what a manager is, whether a function under
/// [`#[actxmgr]`](crate::actxmgr) or a type with two methods.
///
/// Write it by hand where set-up and cleanup do not share a function: because the manager is a type
/// already, or because the two are generic over something that a function cannot say. Then
/// [`manager`](Self::manager) makes a [`Manager`] of it, with the guards, the scopes and all the
/// guarantees of a generated one; and code that is generic over `M: AsyncContextManager` takes both.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// use aiotools::context::{AsyncContextManager, Mut};
/// use aiotools::Exit;
///
/// struct Session {
///     log: Vec<String>,
/// }
///
/// impl AsyncContextManager for Session {
///     type Lend = Mut<Vec<String>>; // lends `&mut Vec<String>`
///     type Error = io::Error;
///
///     async fn enter(&mut self) -> io::Result<&mut Vec<String>> {
///         self.log.push("hello".into());
///         Ok(&mut self.log)
///     }
///
///     async fn exit(mut self, exit: Exit) -> io::Result<()> {
///         self.log.push(format!("{exit}"));
///         assert_eq!(self.log, ["hello", "working", "completed"]);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let session = Session { log: Vec::new() };
/// session.manager().scope(async |log| log.push("working".into())).await?;
/// # Ok(())
/// # }
/// ```
pub trait AsyncContextManager: Sized + Send + 'static {
    /// What it lends, as a family over the time that it is lent for: [`Owned<T>`](super::Owned),
    /// [`Ref<T>`](super::Ref), [`Mut<T>`](super::Mut), or
    /// `dyn for<'a> Lend<'a, Value = Tx<'a>>`.
    type Lend: for<'a> Lend<'a, Value: Send> + ?Sized + 'static;

    /// The error of set-up and cleanup; [`Infallible`](std::convert::Infallible) if there is none.
    type Error: fmt::Debug + Send + 'static;

    /// What reports of a failed cleanup call it.
    const NAME: &'static str = "a hand-written manager";

    /// The set-up. After an error, and when its future is dropped, `exit` is not called.
    fn enter(
        &mut self,
    ) -> impl Future<Output = Result<<Self::Lend as Lend<'_>>::Value, Self::Error>> + Send;

    /// The cleanup. It is told why it runs.
    fn exit(self, exit: Exit) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Makes a [`Manager`] of it, to be awaited or to run a scope in.
    fn manager(
        self,
    ) -> Manager<
        impl Coroutine<
            Lend = Self::Lend,
            Resume = Exit,
            Future = impl Future<Output = Result<(), Self::Error>> + Send + 'static,
        > + Send,
    > {
        Manager::shared(
            Spec::new(const { &About::new(Self::NAME) }),
            Body::new(move |point: YieldPoint<Self::Lend, Exit>| async move {
                let mut this = self;
                let value = this.enter().await?;
                let exit = point.lend(value).await;
                this.exit(exit).await
            }),
        )
    }

    /// As [`manager`](Self::manager), but a [`Manager`] stays what it is.
    #[doc(hidden)]
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
        self.manager()
    }
}

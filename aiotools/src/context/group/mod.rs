//! Groups of managers: entered all at once, left all at once.

mod guard;
mod member;
mod scope;
mod settle;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use self::member::{Entering, Leaving, Member};
use super::async_context_manager::AsyncContextManager;
use super::lend::Lend;

pub use self::guard::GroupGuard;
pub use self::settle::{EnterSettled, Settle, SettledGroup};

/// A future that was boxed so that it has a name.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes one manager of many, which are entered all at once and left all at once: a [`ContextGroup`].
///
/// # Examples
///
/// ```
/// use aiotools::{actxgroup, actxmgr};
///
/// #[actxmgr]
/// async fn plus_ten(a: i32) -> i32 {
///     yield_!(a + 10);
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aiotools::BoxError> {
/// let values = actxgroup((0..10).map(plus_ten)).await?;
/// for i in 0..10 {
///     assert_eq!(values[i as usize], i + 10);
/// }
/// values.exit().await?;
/// # Ok(())
/// # }
/// ```
pub fn actxgroup<I>(
    managers: I,
) -> ContextGroup<<I::Item as AsyncContextManager>::Lend, <I::Item as AsyncContextManager>::Error>
where
    I: IntoIterator<Item: AsyncContextManager>,
{
    managers.into_iter().collect()
}

/// Many managers as one, which has not been entered. Nothing has run yet; dropping it does nothing.
///
/// Its members lend from one family `L` and fail with one error `E`; otherwise they may be different managers,
/// generated or written by hand, put together with [`add`](Self::add).
///
/// | | enters | if one fails to enter |
/// |---|---|---|
/// | `group.await?` | all, and gives a [`GroupGuard`] | the others are left, and its error comes out |
/// | `group.scope(async \|values\| ..).await?`, `try_scope` | all, around a body | the same; the body does not run |
/// | `group.settle().await` | those that can be, and gives a [`SettledGroup`] | is there as an `Err`, at its index |
///
/// Members run side by side in the task that awaits them, not in tasks of their own. A manager whose
/// set-up works hard without awaiting holds the others up.
///
/// # What members are told
///
/// One that was entered, when another one is not: [`Exit::Failed`](super::Exit::Failed), or
/// [`Panicked`](super::Exit::Panicked) if that panicked. Its set-up is dropped if it is still under way.
/// Otherwise they are told what any manager is told.
///
/// # Errors and panics
///
/// The cleanup of each member runs, whatever becomes of the others. The first error or panic comes out when all
/// are done; the others go to the [error hook](crate::cleanup::set_error_hook). A manager that cannot
/// fail has the error type [`Infallible`](std::convert::Infallible), so that `let Ok(group) = group.await;`
/// is enough.
///
/// # Examples
///
/// ```
/// use aiotools::{actxgroup, actxmgr};
///
/// #[actxmgr]
/// async fn lease(disk: u32) -> Result<u32, String> {
///     if disk == 2 {
///         return Err(format!("there is no disk {disk}"));
///     }
///     yield_!(disk);
///     println!("gives back disk {disk}");
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // All or nothing: disks 0 and 1 have been given back when the error comes out.
/// let error = actxgroup((0..3).map(lease)).await.unwrap_err();
/// assert_eq!(error, "there is no disk 2");
///
/// // Around a body.
/// let sum = actxgroup((0..2).map(lease))
///     .scope(async |disks| disks.iter().sum::<u32>())
///     .await;
/// assert_eq!(sum, Ok(1));
/// # }
/// ```
#[must_use = "a group does nothing until it is entered: `.await` it, or call `.scope(..)`"]
pub struct ContextGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    members: Vec<Member<L, E>>,
}

impl<L, E> ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    /// A group without members, for [`add`](Self::add).
    pub fn new() -> Self {
        Self {
            members: Vec::new(),
        }
    }

    /// Adds a manager, behind the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiotools::actxmgr;
    /// use aiotools::context::ContextGroup;
    ///
    /// # #[actxmgr]
    /// # async fn tcp() -> &'static str { yield_!("tcp"); }
    /// # #[actxmgr]
    /// # async fn udp() -> &'static str { yield_!("udp"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut group = ContextGroup::new();
    /// group.add(tcp()).add(udp()); // two managers, that lend the same type
    /// let Ok(group) = group.await;
    /// assert_eq!((group[0], group[1]), ("tcp", "udp"));
    /// # let Ok(()) = group.exit().await;
    /// # }
    /// ```
    pub fn add<M>(&mut self, manager: M) -> &mut Self
    where
        M: AsyncContextManager<Lend = L, Error = E>,
    {
        self.members.push(manager.__into_manager().into_member());
        self
    }

    /// How many members it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no members. Such a group can be entered all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Enters all members. The same as awaiting it.
    ///
    /// # Errors
    ///
    /// That of the first member that fails to enter, when those that had been entered are left.
    ///
    /// # Panics
    ///
    /// If the set-up of a member does, when those that had been entered are left.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the future drops the set-ups that are under way, and leaves those that have been entered,
    /// each in the background, with [`Exit::Cancelled`](super::Exit::Cancelled).
    pub fn enter(self) -> EnterGroup<L, E> {
        let entered = async {
            let members = enter_all(self.members).await?;
            Ok(GroupGuard::new(members))
        };
        EnterGroup {
            entering: Box::pin(entered),
        }
    }

    /// Enters those members that can be entered: awaited, it gives a [`SettledGroup`], which has a `Result` for each.
    ///
    /// # Panics
    ///
    /// When awaited, if the set-up of a member does, when those that had been entered are left.
    ///
    /// # Cancel safety
    ///
    /// As [`enter`](Self::enter).
    pub fn settle(self) -> Settle<L, E> {
        Settle::new(self.members)
    }
}

impl<L, E> Default for ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<L, E, M> Extend<M> for ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
    M: AsyncContextManager<Lend = L, Error = E>,
{
    fn extend<I: IntoIterator<Item = M>>(&mut self, managers: I) {
        for manager in managers {
            self.add(manager);
        }
    }
}

impl<L, E, M> FromIterator<M> for ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
    M: AsyncContextManager<Lend = L, Error = E>,
{
    fn from_iter<I: IntoIterator<Item = M>>(managers: I) -> Self {
        let mut group = Self::new();
        group.extend(managers);
        group
    }
}

impl<L, E> IntoFuture for ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    type Output = Result<GroupGuard<L, E>, E>;
    type IntoFuture = EnterGroup<L, E>;

    fn into_future(self) -> EnterGroup<L, E> {
        self.enter()
    }
}

impl<L, E> fmt::Debug for ContextGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextGroup")
            .field("len", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// The future that enters a group: what `group.await` and [`ContextGroup::enter`] run.
#[must_use = "a group is entered when this is awaited"]
pub struct EnterGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    entering: Boxed<Result<GroupGuard<L, E>, E>>,
}

impl<L, E> Future for EnterGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    type Output = Result<GroupGuard<L, E>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.entering.as_mut().poll(cx)
    }
}

impl<L, E> fmt::Debug for EnterGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGroup").finish_non_exhaustive()
    }
}

/// Enters all, or none.
async fn enter_all<L, E>(members: Vec<Member<L, E>>) -> Result<Vec<Member<L, E>>, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    let mut entering = Entering::new(members);
    let failed = entering.next_failure().await;
    let entered = entering.stop().into_iter().flatten();
    let Some((_, failure)) = failed else {
        return Ok(entered.collect());
    };
    Leaving::new(entered.enumerate(), failure.exit())
        .report_all()
        .await;
    Err(failure.into_error())
}

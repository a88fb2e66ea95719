//! The form of a group that goes on without those members that cannot be entered.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Boxed;
use super::member::{Entering, Leaving, Member};
use crate::context::catch_unwind::CatchUnwind;
use crate::context::coroutine::Driver as _;
use crate::context::failure::{CleanupFailure, Failure, FirstFailure};
use crate::context::{Exit, Lend, LendDeref, LendDerefMut};
use crate::lazy::lazy;

/// A group to enter as far as it can be: what [`ContextGroup::settle`](super::ContextGroup::settle) gives.
///
/// Await it for a [`SettledGroup`], or run a body in it with [`scope`](Self::scope).
#[must_use = "a group does nothing until it is entered: `.await` it, or call `.scope(..)`"]
pub struct Settle<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    members: Vec<Member<L, E>>,
}

impl<L, E> Settle<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    pub(super) fn new(members: Vec<Member<L, E>>) -> Self {
        Self { members }
    }

    /// Runs `body` with the value or the error of each member, and gives what it returned, with the exit state
    /// of each member: `Ok` also for one that was not entered, as there was nothing to leave.
    ///
    /// # Panics
    ///
    /// If `body`, a set-up or a cleanup does, when all have been left.
    ///
    /// # Cancel safety
    ///
    /// As [`ContextGroup::scope`](super::ContextGroup::scope).
    ///
    /// # Examples
    ///
    /// ```
    /// # use aiotools::{actxgroup, actxmgr};
    /// # #[actxmgr]
    /// # async fn lease(disk: u32) -> Result<u32, String> {
    /// #     if disk == 1 { return Err("no such disk".into()); }
    /// #     yield_!(disk);
    /// #     if disk == 2 { return Err("cannot give it back".into()); }
    /// #     Ok(())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let leases = actxgroup((0..3).map(lease)).settle();
    /// let (leased, exits) = leases.scope(async |disks| disks.iter().flatten().count()).await;
    /// assert_eq!(leased, 2);
    /// assert_eq!(exits, [Ok(()), Ok(()), Err("cannot give it back".to_owned())]);
    /// # }
    /// ```
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = (T, Vec<Result<(), E>>)>
    where
        B: for<'a> AsyncFnOnce(Vec<Result<<L as Lend<'a>>::Value, E>>) -> T,
    {
        let mut body = Some(body);
        async move {
            let (mut members, mut errors) = enter_each(self.members).await;
            let body = body.take().expect("a scope runs its body once");
            let values: Vec<_> = members
                .iter_mut()
                .zip(&mut errors)
                .map(|(member, error)| match (member, error.take()) {
                    (Some(member), _) => Ok(Pin::new(member.driver_mut()).lend()),
                    (None, Some(error)) => Err(error),
                    (None, None) => unreachable!("it was entered, or it has failed"),
                })
                .collect();
            let ran = CatchUnwind::new(lazy(
                (body, values),
                |(body, values)| (body(values), ()),
                |(), value| value,
            ))
            .await;
            match ran {
                Ok(value) => (value, leave_each(members, Exit::Completed).await),
                Err(panic) => {
                    let entered = members.into_iter().flatten().enumerate();
                    Leaving::new(entered, Exit::Panicked).report_all().await;
                    resume_unwind(panic)
                }
            }
        }
    }
}

impl<L, E> IntoFuture for Settle<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    type Output = SettledGroup<L, E>;
    type IntoFuture = EnterSettled<L, E>;

    fn into_future(self) -> EnterSettled<L, E> {
        EnterSettled {
            entering: Box::pin(async {
                let (members, errors) = enter_each(self.members).await;
                SettledGroup { members, errors }
            }),
        }
    }
}

impl<L, E> fmt::Debug for Settle<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle")
            .field("len", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// The future of a [`Settle`].
///
/// Dropped, it drops the set-ups that are under way, and leaves those members that have been entered.
#[must_use = "a group is entered when this is awaited"]
pub struct EnterSettled<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    entering: Boxed<SettledGroup<L, E>>,
}

impl<L, E> Future for EnterSettled<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    type Output = SettledGroup<L, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.entering.as_mut().poll(cx)
    }
}

impl<L, E> fmt::Debug for EnterSettled<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterSettled").finish_non_exhaustive()
    }
}

/// A group of which as many members have been entered as could be: `group.settle().await` gives one.
///
/// # What happens on drop
///
/// Each member that was entered is left in the background, as a [`Guard`](crate::context::Guard) that is
/// dropped.
///
/// # Examples
///
/// ```
/// # use aiotools::{actxgroup, actxmgr};
/// # #[actxmgr]
/// # async fn lease(disk: u32) -> Result<u32, String> {
/// #     if disk == 1 { return Err("no such disk".into()); }
/// #     yield_!(disk);
/// #     if disk == 2 { return Err("cannot give it back".into()); }
/// #     Ok(())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let disks = actxgroup((0..3).map(lease)).settle().await;
/// assert_eq!(disks.get(0), Ok(&0));
/// assert_eq!(disks.get(1), Err(&"no such disk".to_owned()));
/// let exits = disks.exit().await;
/// assert_eq!(exits, [Ok(()), Ok(()), Err("cannot give it back".to_owned())]);
/// # }
/// ```
#[must_use = "a guard that is dropped at once is cancelled at once; keep it, or use `scope`"]
pub struct SettledGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    members: Vec<Option<Member<L, E>>>,
    /// `Some` where the member is `None`.
    errors: Vec<Option<E>>,
}

impl<L, E> SettledGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    /// How many members there are, entered or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What member `index` has yielded, or why it was not entered.
    ///
    /// # Errors
    ///
    /// The error of the set-up.
    ///
    /// # Panics
    ///
    /// If there is no such member.
    pub fn get(&self, index: usize) -> Result<&L::Target, &E>
    where
        L: LendDeref,
    {
        match (&self.members[index], &self.errors[index]) {
            (Some(member), _) => Ok(L::target(member.driver().value())),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("it was entered, or it has failed"),
        }
    }

    /// As [`get`](Self::get), to change it.
    ///
    /// # Errors
    ///
    /// The error of the set-up.
    ///
    /// # Panics
    ///
    /// If there is no such member.
    pub fn get_mut(&mut self, index: usize) -> Result<&mut L::Target, &E>
    where
        L: LendDerefMut,
    {
        match (&mut self.members[index], &self.errors[index]) {
            (Some(member), _) => Ok(L::target_mut(member.driver_mut().value_mut())),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("it was entered, or it has failed"),
        }
    }

    /// What the members have yielded, or why they were not entered, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<&L::Target, &E>>
    where
        L: LendDeref,
    {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Leaves the members that were entered, all at once, with [`Exit::Completed`], and gives the exit state of
    /// each: `Ok` also for one that was not entered, as there was nothing to leave.
    ///
    /// # Panics
    ///
    /// If a cleanup does, with the first panic, when all are done; errors of others go to the
    /// [error hook](crate::cleanup::set_error_hook) then.
    ///
    /// # Cancel safety
    ///
    /// No cleanup is cut short. When this future is dropped, also before its first poll, they go on in the
    /// background, and the members still see `Completed`.
    pub fn exit(self) -> impl Future<Output = Vec<Result<(), E>>> {
        self.exit_with(Exit::Completed)
    }

    /// As [`exit`](Self::exit), with the reason given.
    ///
    /// # Panics
    ///
    /// As [`exit`](Self::exit).
    ///
    /// # Cancel safety
    ///
    /// As [`exit`](Self::exit).
    pub fn exit_with(self, exit: Exit) -> impl Future<Output = Vec<Result<(), E>>> {
        leave_each(self.members, exit)
    }
}

impl<L, E> fmt::Debug for SettledGroup<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettledGroup")
            .field("len", &self.members.len())
            .field("errors", &self.errors.iter().flatten().count())
            .finish_non_exhaustive()
    }
}

/// Enters those that can be. Each is there, or its error is.
async fn enter_each<L, E>(members: Vec<Member<L, E>>) -> (Vec<Option<Member<L, E>>>, Vec<Option<E>>)
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    let mut errors: Vec<Option<E>> = members.iter().map(|_| None).collect();
    let mut entering = Entering::new(members);
    while let Some((index, failure)) = entering.next_failure().await {
        match failure {
            Failure::Error(error) => errors[index] = Some(error),
            Failure::Panic(panic) => {
                let entered = entering.stop().into_iter().flatten().enumerate();
                Leaving::new(entered, Exit::Panicked).report_all().await;
                resume_unwind(panic)
            }
        }
    }
    (entering.stop(), errors)
}

/// Leaves those that were entered.
fn leave_each<L, E>(
    members: Vec<Option<Member<L, E>>>,
    exit: Exit,
) -> impl Future<Output = Vec<Result<(), E>>>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    let mut states = ExitStates::new(members.len());
    let entered = members.into_iter().enumerate();
    let mut leaving = Leaving::new(entered.filter_map(|(n, member)| Some((n, member?))), exit);
    async move {
        while let Some(left) = leaving.next().await {
            if let Err(failure) = left.result {
                states.add(left.index, failure);
            }
        }
        states.into_results()
    }
}

/// How the members were left. What nobody takes is reported.
struct ExitStates<E: fmt::Debug> {
    errors: Vec<Option<CleanupFailure<E>>>,
    panicked: FirstFailure<E>,
}

impl<E: fmt::Debug> ExitStates<E> {
    fn new(len: usize) -> Self {
        Self {
            errors: (0..len).map(|_| None).collect(),
            panicked: FirstFailure::none(),
        }
    }

    fn add(&mut self, index: usize, failure: CleanupFailure<E>) {
        match failure.failure {
            Failure::Error(_) => self.errors[index] = Some(failure),
            Failure::Panic(_) => self.panicked.add(failure),
        }
    }

    fn into_results(mut self) -> Vec<Result<(), E>> {
        if let Some(panicked) = self.panicked.take() {
            drop(self); // reports the errors
            panicked.failure.into_error();
            unreachable!("it was a panic");
        }
        let errors = std::mem::take(&mut self.errors);
        let state = |error: Option<CleanupFailure<E>>| match error {
            None => Ok(()),
            Some(error) => Err(error.failure.into_error()),
        };
        errors.into_iter().map(state).collect()
    }
}

impl<E: fmt::Debug> Drop for ExitStates<E> {
    fn drop(&mut self) {
        for error in self.errors.drain(..).flatten() {
            error.report();
        }
    }
}

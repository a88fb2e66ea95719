//! The scopes of a group: enter all, run the body with all values, leave all.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;

use super::member::{Leaving, Member};
use super::{ContextGroup, enter_all};
use crate::context::catch_unwind::CatchUnwind;
use crate::context::coroutine::Driver as _;
use crate::context::failure::FirstFailure;
use crate::context::{Exit, Lend, Panic};
use crate::lazy::lazy;

impl<L, E> ContextGroup<L, E>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized + 'static,
    E: fmt::Debug + Send + 'static,
{
    /// Runs `body` inside all members, with what they lend, in their order. See
    /// [`Manager::scope`](crate::context::Manager::scope).
    ///
    /// # Errors
    ///
    /// The first error of a set-up, in which case `body` does not run, or of a cleanup.
    ///
    /// # Panics
    ///
    /// If `body`, a set-up or a cleanup does; that of `body` comes before those of cleanups.
    ///
    /// # Cancel safety
    ///
    /// Dropped while `body` runs, the future drops `body`, then leaves each member in the background, with
    /// [`Exit::Cancelled`]. Dropped while members are being entered, as [`enter`](Self::enter); while they
    /// are being left, it lets them go on in the background.
    pub fn scope<T, B>(self, body: B) -> impl Future<Output = Result<T, E>>
    where
        B: for<'a> AsyncFnOnce(Vec<<L as Lend<'a>>::Value>) -> T,
    {
        let mut body = Some(body);
        async move {
            let mut members = enter_all(self.members).await?;
            let body = body.take().expect("a scope runs its body once");
            match lend_to(&mut members, body).await {
                Ok(value) => leave(members, Exit::Completed).await.map(|()| value),
                Err(panic) => {
                    leave_behind(members, Exit::Panicked).await;
                    resume_unwind(panic)
                }
            }
        }
    }

    /// Runs a `body` that may fail inside all members; see [`scope`](Self::scope). When it returns an `Err`,
    /// the members resume with [`Exit::Failed`], and the error comes out as it is.
    ///
    /// # Errors
    ///
    /// The first of: the error of a set-up, of the body, of a cleanup.
    ///
    /// # Panics
    ///
    /// As [`scope`](Self::scope).
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](Self::scope).
    pub fn try_scope<T, X, B>(self, body: B) -> impl Future<Output = Result<T, X>>
    where
        X: From<E>,
        B: for<'a> AsyncFnOnce(Vec<<L as Lend<'a>>::Value>) -> Result<T, X>,
    {
        let mut body = Some(body);
        async move {
            let mut members = enter_all(self.members).await?;
            let body = body.take().expect("a scope runs its body once");
            match lend_to(&mut members, body).await {
                Ok(Ok(value)) => {
                    leave(members, Exit::Completed).await?;
                    Ok(value)
                }
                Ok(Err(error)) => {
                    leave_behind(members, Exit::Failed).await;
                    Err(error)
                }
                Err(panic) => {
                    leave_behind(members, Exit::Panicked).await;
                    resume_unwind(panic)
                }
            }
        }
    }
}

/// Gives the values to `body` and runs it; a panic of the body comes back as its payload. The values are gone
/// when this is done or dropped: `members` is borrowed for as long as they live.
fn lend_to<'m, L, E, T, B>(
    members: &'m mut [Member<L, E>],
    body: B,
) -> impl Future<Output = Result<T, Panic>>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
    B: for<'a> AsyncFnOnce(Vec<<L as Lend<'a>>::Value>) -> T,
{
    let values: Vec<<L as Lend<'m>>::Value> = members
        .iter_mut()
        .map(|member| Pin::new(member.driver_mut()).lend())
        .collect();
    // Called in the poll, so that a closure that panics before it returns a future is caught.
    CatchUnwind::new(lazy(
        (body, values),
        |(body, values)| (body(values), ()),
        |(), value| value,
    ))
}

/// Leaves all; the first failure comes out.
pub(super) fn leave<L, E>(
    members: Vec<Member<L, E>>,
    exit: Exit,
) -> impl Future<Output = Result<(), E>>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    // Here, so that they are told even if the future is never polled.
    let mut leaving = Leaving::new(members.into_iter().enumerate(), exit);
    async move {
        let mut first = FirstFailure::none();
        while let Some(left) = leaving.next().await {
            if let Err(failure) = left.result {
                first.add(failure);
            }
        }
        first.into_result()
    }
}

/// Leaves all, where something else has gone wrong before.
async fn leave_behind<L, E>(members: Vec<Member<L, E>>, exit: Exit)
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    Leaving::new(members.into_iter().enumerate(), exit)
        .report_all()
        .await;
}

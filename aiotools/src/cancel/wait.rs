//! [`cancel_and_wait`]: ends one task, or many, and returns when they have ended.

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

use super::{
    reason::CancelReason,
    waiting::{CancelError, CancelErrors, Target},
};
use crate::task::{Outcome, TaskHandle};

mod sealed {
    use super::{CancelReason, Future};

    /// What can be cancelled and waited for.
    pub trait Sealed {
        type Outcome;
        fn run(self, reason: CancelReason) -> impl Future<Output = Self::Outcome> + Send;
    }
}

/// What [`cancel_and_wait`] takes: a [`TaskHandle`], by value or by reference, or a collection of them.
pub trait CancelTarget: sealed::Sealed {}
impl<T: sealed::Sealed> CancelTarget for T {}

/// Asks a task to end, and returns when it has ended, with all that it started and its cleanup. With a collection of handles all
/// are asked first, and are then waited for together.
///
/// One handle gives `Result<Outcome, CancelError>`; a collection gives `Result<Vec<Outcome>, CancelErrors>`. Given by
/// reference, the handle still has the result afterwards.
///
/// - A task that had ended before is not touched, and is no error, whatever its result.
/// - A task that catches the request and ends normally without taking it back is [`CancelError::NotHonoured`].
/// - A task that fails while it is being cancelled is [`CancelError::Failed`].
/// - When others have cancelled it too, that is [`CancelError::AlsoCancelledElsewhere`], and nothing happens to the caller.
/// - On the current task, or something around it, it does nothing but say [`CancelError::SelfCancel`].
///
/// If the caller is itself cancelled meanwhile, its request goes to the target as one more, and the caller ends after it.
///
/// # Cancel safety
///
/// Dropping it ends the waiting, not the request.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{Outcome, TaskScope, cancel_and_wait};
///
/// TaskScope::scope(async |ts| {
///     let one = ts.spawn(std::future::pending::<()>());
///     assert_eq!(cancel_and_wait(&one).await.unwrap(), Outcome::Cancelled);
///     assert!(one.await.unwrap_err().is_cancelled());
///
///     let many: Vec<_> = (0..3).map(|_| ts.spawn(std::future::pending::<()>())).collect();
///     assert_eq!(cancel_and_wait(&many).await.unwrap().len(), 3);
/// }).await;
/// # });
/// ```
pub async fn cancel_and_wait<C: CancelTarget>(target: C) -> C::Outcome {
    target.run(CancelReason::default()).await
}

/// As [`cancel_and_wait`], and says why.
///
/// # Cancel safety
///
/// Dropping it ends the waiting, not the request.
pub async fn cancel_and_wait_with<C: CancelTarget>(
    target: C,
    reason: impl Into<CancelReason>,
) -> C::Outcome {
    target.run(reason.into()).await
}

/// One handle, with or without its type.
trait Handle: Sync {
    fn start(&self, reason: &CancelReason) -> Option<Result<Target, CancelError>>;
    fn finished(&self) -> bool;
    fn forget(&self, target: &Target);
}

impl<T: Send> Handle for TaskHandle<T> {
    fn start(&self, reason: &CancelReason) -> Option<Result<Target, CancelError>> {
        let node = self.node()?;
        Some(Target::request(node, |node| self.request(node, reason)))
    }

    fn finished(&self) -> bool {
        self.is_finished()
    }

    fn forget(&self, target: &Target) {
        if let Some(family) = &self.group.family {
            family.forget(self.seq(), target.node());
        }
    }
}

async fn one<T: Send>(
    handle: &TaskHandle<T>,
    reason: CancelReason,
) -> Result<Outcome, CancelError> {
    let mut target = match handle.start(&reason) {
        None => return Ok(Outcome::Done),
        Some(target) => target?,
    };
    let outcome = poll_fn(|cx| target.poll(cx, || handle.finished())).await;
    handle.forget(&target);
    outcome
}

async fn many(
    handles: Vec<&dyn Handle>,
    reason: CancelReason,
) -> Result<Vec<Outcome>, CancelErrors> {
    let started: Vec<_> = handles.iter().map(|handle| handle.start(&reason)).collect();
    let mut outcomes = Vec::with_capacity(handles.len());
    let mut errors = Vec::new();
    let mut targets = Vec::with_capacity(handles.len());
    for (index, target) in started.into_iter().enumerate() {
        outcomes.push(Outcome::Done);
        match target {
            None => {}
            Some(Ok(target)) => targets.push((index, target)),
            Some(Err(error)) => errors.push((index, error)),
        }
    }
    poll_fn(|cx| {
        targets.retain_mut(|(index, target)| {
            match target.poll(cx, || handles[*index].finished()) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    handles[*index].forget(target);
                    match result {
                        Ok(outcome) => outcomes[*index] = outcome,
                        Err(error) => errors.push((*index, error)),
                    }
                    false
                }
            }
        });
        if targets.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    errors.sort_by_key(|(index, _)| *index);
    if errors.is_empty() {
        Ok(outcomes)
    } else {
        Err(CancelErrors { errors })
    }
}

impl<T: Send> sealed::Sealed for TaskHandle<T> {
    type Outcome = Result<Outcome, CancelError>;
    async fn run(self, reason: CancelReason) -> Self::Outcome {
        one(&self, reason).await
    }
}

impl<T: Send> sealed::Sealed for &TaskHandle<T> {
    type Outcome = Result<Outcome, CancelError>;
    async fn run(self, reason: CancelReason) -> Self::Outcome {
        one(self, reason).await
    }
}

impl<T: Send> sealed::Sealed for &mut TaskHandle<T> {
    type Outcome = Result<Outcome, CancelError>;
    async fn run(self, reason: CancelReason) -> Self::Outcome {
        one(self, reason).await
    }
}

macro_rules! collections {
    ($($(#[$attr:meta])* [$($generics:tt)*] $type:ty => |$this:ident| $iter:expr;)+) => {$(
        impl<$($generics)*> sealed::Sealed for $type {
            type Outcome = Result<Vec<Outcome>, CancelErrors>;
            async fn run(self, reason: CancelReason) -> Self::Outcome {
                let $this = self;
                many($iter.map(|handle| handle as &dyn Handle).collect(), reason).await
            }
        }
    )+};
}

collections! {
    [T: Send] Vec<TaskHandle<T>> => |this| this.iter();
    [T: Send] &Vec<TaskHandle<T>> => |this| this.iter();
    [T: Send] &mut Vec<TaskHandle<T>> => |this| this.iter();
    [T: Send] &[TaskHandle<T>] => |this| this.iter();
    [T: Send] Vec<&TaskHandle<T>> => |this| this.iter().copied();
    [T: Send] &[&TaskHandle<T>] => |this| this.iter().copied();
    [T: Send, const N: usize] [TaskHandle<T>; N] => |this| this.iter();
    [T: Send, const N: usize] &[TaskHandle<T>; N] => |this| this.iter();
    [T: Send, const N: usize] [&TaskHandle<T>; N] => |this| this.iter().copied();
}

//! The members of a group while they are set up, and while they are left: all at once, each polled only when
//! it has been woken.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::cleanup::report;
use crate::context::coroutine::ErasedFrame;
use crate::context::failure::{CleanupFailure, Failure};
use crate::context::managed::Managed;
use crate::context::{Exit, Lend, Outcome, Panic};

/// A manager that lends from `L` and fails with `E`. Dropped after it was entered, it is left in the
/// background, as any manager is.
pub(super) type Member<L, E> = Managed<ErasedFrame<L, E>>;

/// A member on its way to its yield.
struct SetUp<L: for<'a> Lend<'a> + ?Sized + 'static, E: fmt::Debug + 'static> {
    index: usize,
    /// `None` once it is there.
    member: Option<Member<L, E>>,
}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Unpin for SetUp<L, E> {}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Future for SetUp<L, E> {
    type Output = (usize, Result<Member<L, E>, Failure<E>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let index = self.index;
        let member = self.member.as_mut().expect("polled after it was done");
        let name = member.spec().about.name;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = member.pinned().poll_setup(cx);
            polled.map_err(|outcome| outcome.error_before_yield(name))
        }));
        let result = match polled {
            Ok(polled) => ready!(polled).map_err(Failure::Error),
            Err(panic) => Err(Failure::Panic(panic)),
        };
        let member = self.member.take();
        Poll::Ready((
            index,
            result.map(|()| member.expect("it has just been polled")),
        ))
    }
}

/// A set-up that is stopped may panic in its drop. That keeps no other one from being stopped, and hides no error.
impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Drop for SetUp<L, E> {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else {
            return;
        };
        let (name, exit) = (member.spec().about.name, Exit::on_drop());
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(member))) {
            report::panic(name, exit, &panic);
        }
    }
}

/// Members that are being set up. Dropped, it drops those that are under way, and leaves those that have
/// been entered.
pub(super) struct Entering<L: for<'a> Lend<'a> + ?Sized + 'static, E: fmt::Debug + 'static> {
    running: FuturesUnordered<SetUp<L, E>>,
    entered: Vec<Option<Member<L, E>>>,
}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Entering<L, E> {
    pub(super) fn new(members: Vec<Member<L, E>>) -> Self {
        Self {
            entered: members.iter().map(|_| None).collect(),
            running: members
                .into_iter()
                .enumerate()
                .map(|(index, member)| SetUp {
                    index,
                    member: Some(member),
                })
                .collect(),
        }
    }

    /// Waits until a set-up fails; `None` when all have ended.
    pub(super) async fn next_failure(&mut self) -> Option<(usize, Failure<E>)> {
        while let Some((index, result)) = self.running.next().await {
            match result {
                Ok(member) => self.entered[index] = Some(member),
                Err(failure) => return Some((index, failure)),
            }
        }
        None
    }

    /// Stops what is under way. Gives those that have been entered, at their places.
    pub(super) fn stop(self) -> Vec<Option<Member<L, E>>> {
        self.entered
    }
}

/// A member that has been resumed.
struct Leave<L: for<'a> Lend<'a> + ?Sized + 'static, E: fmt::Debug + 'static> {
    index: usize,
    exit: Exit,
    member: Member<L, E>,
    /// What its value did when it was dropped.
    dropped: Option<Panic>,
}

/// A member that has been left.
pub(super) struct Left<E: fmt::Debug> {
    pub(super) index: usize,
    pub(super) result: Result<(), CleanupFailure<E>>,
}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Leave<L, E> {
    fn new(index: usize, mut member: Member<L, E>, exit: Exit) -> Self {
        // A value that panics in its drop keeps neither its own manager nor the others from going on.
        let resumed = catch_unwind(AssertUnwindSafe(|| member.pinned().resume(exit)));
        Self {
            index,
            exit,
            member,
            dropped: resumed.err(),
        }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Unpin for Leave<L, E> {}

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Future for Leave<L, E> {
    type Output = Left<E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Left<E>> {
        let (index, exit) = (self.index, self.exit);
        let spec = self.member.spec();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = self.member.pinned().poll_cleanup(cx);
            polled.map(|ended| ended.unwrap_or_else(spec.timed_out))
        }));
        let failure = match polled {
            Ok(polled) => ready!(polled).err().map(Failure::Error),
            Err(panic) => Some(Failure::Panic(panic)),
        };
        let failed = |failure| CleanupFailure {
            spec,
            exit,
            failure,
        };
        let result = match (self.dropped.take(), failure) {
            (None, None) => Ok(()),
            (None, Some(failure)) => Err(failed(failure)),
            (Some(panic), later) => {
                if let Some(failure) = later {
                    failed(failure).report();
                }
                Err(failed(Failure::Panic(panic)))
            }
        };
        Poll::Ready(Left { index, result })
    }
}

/// Members that are being left. Dropped, it lets them go on in the background.
pub(super) struct Leaving<L: for<'a> Lend<'a> + ?Sized + 'static, E: fmt::Debug + 'static>(
    FuturesUnordered<Leave<L, E>>,
);

impl<L: for<'a> Lend<'a> + ?Sized, E: fmt::Debug> Leaving<L, E> {
    /// Resumes all of them.
    pub(super) fn new(
        members: impl IntoIterator<Item = (usize, Member<L, E>)>,
        exit: Exit,
    ) -> Self {
        let leave = |(index, member)| Leave::new(index, member, exit);
        Self(members.into_iter().map(leave).collect())
    }

    /// The next that is done.
    pub(super) async fn next(&mut self) -> Option<Left<E>> {
        self.0.next().await
    }

    /// Waits for all, where something else has gone wrong before.
    pub(super) async fn report_all(mut self) {
        while let Some(left) = self.next().await {
            if let Err(failure) = left.result {
                failure.report();
            }
        }
    }
}

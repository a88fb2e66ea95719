//! The `async with` form: enter, run the body, leave.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::catch_unwind::Panic;
use super::coroutine::{Driver, Halves, LendOf, OutputOf, Stored};
use super::exit::Exit;
use super::managed::{Managed, ManagerDriver};
use super::outcome::{Outcome, OutcomeInto};

/// What a scope makes of what its body returned and of the outcome of its manager.
pub(crate) trait Form<O: Outcome> {
    /// What the body returns.
    type Returned;
    /// What it gives if all goes well.
    type Value;
    type Output;

    /// The value; or, if the body failed, what the scope gives whatever the cleanup does.
    fn judge(returned: Self::Returned) -> Result<Self::Value, Self::Output>;

    fn left(outcome: O, value: Self::Value) -> Self::Output;

    /// The body did not run, as the set-up did not get to its yield.
    fn not_entered(outcome: O, manager: &str) -> Self::Output;
}

/// Any body.
pub(crate) struct Plain<T>(T);

impl<O: Outcome, T> Form<O> for Plain<T> {
    type Returned = T;
    type Value = T;
    type Output = O::With<T>;

    #[inline]
    fn judge(value: T) -> Result<T, O::With<T>> {
        Ok(value)
    }

    #[inline]
    fn left(outcome: O, value: T) -> O::With<T> {
        outcome.and(value)
    }

    fn not_entered(outcome: O, manager: &str) -> O::With<T> {
        outcome.before_yield(manager)
    }
}

/// A body that may fail.
pub(crate) struct Fallible<T, X>(T, X);

impl<O: OutcomeInto<X>, T, X> Form<O> for Fallible<T, X> {
    type Returned = Result<T, X>;
    type Value = T;
    type Output = Result<T, X>;

    #[inline]
    fn judge(returned: Result<T, X>) -> Result<T, Result<T, X>> {
        returned.map_err(Err)
    }

    #[inline]
    fn left(outcome: O, value: T) -> Result<T, X> {
        outcome.try_and(value)
    }

    fn not_entered(outcome: O, manager: &str) -> Result<T, X> {
        outcome.try_before_yield(manager)
    }
}

pin_project! {
    /// The body, from its start to its end, in one place.
    #[project = BodyProjection]
    enum Body<B, F> {
        Waiting { body: Option<B> },
        Running { #[pin] future: F },
        Over,
    }
}

impl<B, F: Future> Body<B, F> {
    /// Runs the body, from its start if that is given; a panic of it comes back as its payload. The body is
    /// gone when this is done, and the closure is called in here, so that it may panic too.
    #[inline]
    fn poll<L>(
        mut self: Pin<&mut Self>,
        start: Option<(impl FnOnce(B, L) -> F, B, L)>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Panic>> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Some((call, body, value)) = start {
                let future = call(body, value);
                self.set(Self::Running { future });
            }
            let BodyProjection::Running { future } = self.as_mut().project() else {
                unreachable!("it runs")
            };
            let returned = ready!(future.poll(cx));
            self.set(Self::Over);
            Poll::Ready(returned)
        }));
        polled.map_or_else(
            |panic| {
                self.set(Self::Over);
                Poll::Ready(Err(panic))
            },
            |polled| polled.map(Ok),
        )
    }
}

/// What the body came to, while the manager is left.
enum Verdict<V, T> {
    Completed(V),
    Failed(T),
    Panicked(Panic),
}

pin_project! {
    /// Enters, runs the body with the value, leaves with what became of it.
    ///
    /// When it is dropped while the body runs, the body goes first, and with it whatever it holds of the lent
    /// value; only then does `managed` hand the cleanup over.
    pub(crate) struct Scope<D, B, M, F, R>
    where
        D: ManagerDriver,
        D: Driver<Frame: Halves>,
        R: Form<OutputOf<D>>,
    {
        #[pin]
        body: Body<B, F>,
        #[pin]
        managed: Managed<D>,
        call: Option<M>,
        verdict: Option<Verdict<R::Value, R::Output>>,
    }
}

impl<D, B, M, F, R> Scope<D, B, M, F, R>
where
    D: ManagerDriver<Frame: Halves>,
    M: FnOnce(B, Stored<LendOf<D>>) -> F,
    R: Form<OutputOf<D>>,
{
    /// `call` calls `body`.
    #[inline]
    pub(crate) fn new(managed: Managed<D>, body: B, call: M) -> Self {
        Self {
            body: Body::Waiting { body: Some(body) },
            managed,
            call: Some(call),
            verdict: None,
        }
    }
}

impl<D, B, M, F, R> Future for Scope<D, B, M, F, R>
where
    D: ManagerDriver<Frame: Halves>,
    M: FnOnce(B, Stored<LendOf<D>>) -> F,
    R: Form<OutputOf<D>, Returned = F::Output>,
    F: Future,
{
    type Output = R::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Output> {
        let this = self.project();
        let (mut body, mut managed) = (this.body, this.managed);
        let start = match body.as_mut().project() {
            BodyProjection::Waiting { body } => {
                let about = managed.spec().about;
                if let Err(outcome) = ready!(managed.as_mut().poll_setup_of_scope(cx)) {
                    return Poll::Ready(R::not_entered(outcome, about.name));
                }
                let body = body.take().expect("a scope runs its body once");
                let call = this.call.take().expect("it is called once");
                // SAFETY: the value goes into the future of the body, which cannot let it escape, being made
                // for every lifetime; and that future is gone before `managed` is resumed or dropped.
                let value = unsafe { managed.as_mut().driver_pinned().as_ref().frame().take() };
                Some((call, body, value))
            }
            BodyProjection::Running { .. } => None,
            BodyProjection::Over => return leave::<_, R>(managed, this.verdict, cx),
        };
        let (exit, verdict) = match body.poll(start, cx) {
            Poll::Pending => {
                managed.note_home();
                return Poll::Pending;
            }
            Poll::Ready(Ok(returned)) => match R::judge(returned) {
                Ok(value) => {
                    managed.as_mut().resume(Exit::Completed);
                    // As `leave`, for a cleanup that does not wait.
                    return match managed.poll_exit(cx) {
                        Poll::Ready(outcome) => Poll::Ready(R::left(outcome, value)),
                        Poll::Pending => {
                            *this.verdict = Some(Verdict::Completed(value));
                            Poll::Pending
                        }
                    };
                }
                Err(failed) => (Exit::Failed, Verdict::Failed(failed)),
            },
            Poll::Ready(Err(panic)) => (Exit::Panicked, Verdict::Panicked(panic)),
        };
        managed.as_mut().resume(exit);
        *this.verdict = Some(verdict);
        leave::<_, R>(managed, this.verdict, cx)
    }
}

/// Runs the cleanup.
#[inline(never)]
fn leave<D, R>(
    managed: Pin<&mut Managed<D>>,
    verdict: &mut Option<Verdict<R::Value, R::Output>>,
    cx: &mut Context<'_>,
) -> Poll<R::Output>
where
    D: ManagerDriver,
    R: Form<OutputOf<D>>,
{
    if let Some(Verdict::Failed(_) | Verdict::Panicked(_)) = verdict {
        ready!(managed.poll_exit_behind(cx));
        return match verdict.take() {
            Some(Verdict::Failed(failed)) => Poll::Ready(failed),
            Some(Verdict::Panicked(panic)) => resume_unwind(panic),
            _ => unreachable!("it has just been looked at"),
        };
    }
    let outcome = ready!(managed.poll_exit(cx));
    match verdict.take() {
        Some(Verdict::Completed(value)) => Poll::Ready(R::left(outcome, value)),
        _ => panic!("polled after its end"),
    }
}

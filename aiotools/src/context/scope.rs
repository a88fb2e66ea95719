//! The `async with` form: enter, run the body, leave.

use std::future::poll_fn;
use std::panic::resume_unwind;

use super::coroutine::{Halves, LendOf, OutputOf};
use super::exit::Exit;
use super::lend::Lend;
use super::managed::{Managed, ManagerDriver};
use super::outcome::{Outcome, OutcomeInto};

/// Enters, runs `body` with the value, leaves with what became of it.
///
/// The caller owns `managed`, beside this future and older than it. So when both are dropped while the
/// body runs, the body goes first, and with it whatever it holds of the lent value; only then does
/// `managed` hand the cleanup over. And it owns the body until that starts, because an argument would be
/// kept here too: with a scope in a scope, each level would multiply the size of the next.
pub(crate) async fn scope<D, T, B>(
    managed: &mut Managed<D>,
    body: &mut Option<B>,
) -> <OutputOf<D> as Outcome>::With<T>
where
    D: ManagerDriver<Frame: Halves>,
    B: for<'a> AsyncFnOnce(<LendOf<D> as Lend<'a>>::Value) -> T,
{
    let spec = managed.spec();
    if let Err(outcome) = poll_fn(|cx| managed.poll_setup_of_scope(cx)).await {
        return outcome.before_yield(spec.about.name);
    }
    let body = body.take().expect("a scope runs its body once");
    match managed.lend_to(body).await {
        Ok(value) => {
            managed.resume(Exit::Completed);
            let ended = managed.run_cleanup().await;
            ended.unwrap_or_else(spec.timed_out).and(value)
        }
        Err(panic) => {
            managed.exit_behind(Exit::Panicked).await;
            resume_unwind(panic)
        }
    }
}

/// As [`scope`], with a body that may fail.
pub(crate) async fn try_scope<D, T, X, B>(
    managed: &mut Managed<D>,
    body: &mut Option<B>,
) -> Result<T, X>
where
    D: ManagerDriver<Frame: Halves>,
    OutputOf<D>: OutcomeInto<X>,
    B: for<'a> AsyncFnOnce(<LendOf<D> as Lend<'a>>::Value) -> Result<T, X>,
{
    let spec = managed.spec();
    if let Err(outcome) = poll_fn(|cx| managed.poll_setup_of_scope(cx)).await {
        return outcome.try_before_yield(spec.about.name);
    }
    let body = body.take().expect("a scope runs its body once");
    match managed.lend_to(body).await {
        Ok(Ok(value)) => {
            managed.resume(Exit::Completed);
            let ended = managed.run_cleanup().await;
            ended.unwrap_or_else(spec.timed_out).try_and(value)
        }
        Ok(Err(error)) => {
            managed.exit_behind(Exit::Failed).await;
            Err(error)
        }
        Err(panic) => {
            managed.exit_behind(Exit::Panicked).await;
            resume_unwind(panic)
        }
    }
}

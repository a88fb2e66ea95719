//! Who takes over a cleanup when its guard, its scope or its `exit` future is dropped.
//!
//! | kind | who | if that cannot be |
//! |---|---|---|
//! | default | a task on the runtime where the manager was entered | [`last_poll`] |
//! | `local` | a task that stays on this thread | [`last_poll`] |
//! | `scoped` | nobody: [`last_poll`] | |
//!
//! A task whose runtime shuts down drops its cleanup; if that was never polled, it gets its one poll
//! there. So a cleanup is started exactly once, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::thread_bound::ThreadBound;
use super::tracker::Outstanding;
use super::{CleanupTimedOut, report, stats};
use crate::context::{Cleanup, Kind, ManagerDriver, OutputOf, Panic};
use crate::task::engine::adopt;

/// The runtime on which a manager was entered.
#[derive(Debug, Default)]
pub(crate) struct Home(Option<Handle>);

impl Home {
    pub(crate) fn current() -> Self {
        Self(Handle::try_current().ok())
    }

    fn or_current(self) -> Option<Handle> {
        self.0.or_else(|| Handle::try_current().ok())
    }
}

/// The default kind.
pub(crate) fn shared<D: ManagerDriver + Send + 'static>() -> Kind<D> {
    Kind {
        home: Home::current,
        detach: detach_shared,
    }
}

/// `local`.
pub(crate) fn local<D: ManagerDriver + 'static>() -> Kind<D> {
    Kind {
        home: Home::current,
        detach: detach_local,
    }
}

/// `scoped`.
pub(crate) fn scoped<D: ManagerDriver>() -> Kind<D> {
    Kind {
        home: Home::default,
        detach: |mut cleanup, _| last_poll(&mut cleanup),
    }
}

fn detach_shared<D>(cleanup: Cleanup<D>, home: Home)
where
    D: ManagerDriver + Send + 'static,
{
    stats::count_detached();
    let background = Background::new(cleanup);
    match home.or_current() {
        Some(runtime) => {
            // Inside a group it is the group that waits for it.
            if let Err(background) = adopt(&runtime, background) {
                drop(runtime.spawn(background));
            }
        }
        None => drop(background),
    }
}

fn detach_local<D>(cleanup: Cleanup<D>, home: Home)
where
    D: ManagerDriver + 'static,
{
    stats::count_detached();
    let mut background = Some(Background::new(cleanup));
    let Some(runtime) = home.or_current() else {
        return;
    };
    match runtime.runtime_flavor() {
        // Its tasks run on the thread that blocks on it, which is this one: here the guard was
        // entered, and a guard of this kind stays where it is.
        RuntimeFlavor::CurrentThread => {
            let bound = background.take().map(ThreadBound::new);
            drop(bound.map(|bound| runtime.spawn(bound)));
        }
        // Tasks that are not `Send` run in a `LocalSet` only. Outside of one `spawn_local` panics,
        // and dropping its argument is then all that is left to do.
        _ => {
            let spawn = || background.take().map(tokio::task::spawn_local);
            drop(catch_unwind(AssertUnwindSafe(spawn)));
        }
    }
}

/// A cleanup as a task of its own.
struct Background<D: ManagerDriver> {
    /// `None` once it has ended.
    cleanup: Option<Cleanup<D>>,
    started: bool,
    _outstanding: Outstanding,
}

impl<D: ManagerDriver> Background<D> {
    fn new(cleanup: Cleanup<D>) -> Self {
        Self {
            cleanup: Some(cleanup),
            started: false,
            _outstanding: Outstanding::new(),
        }
    }
}

impl<D: ManagerDriver> Unpin for Background<D> {}

impl<D: ManagerDriver> Future for Background<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.started = true;
        if let Some(cleanup) = &mut self.cleanup {
            if poll_and_report(cleanup, cx).is_pending() {
                return Poll::Pending;
            }
            self.cleanup = None;
        }
        Poll::Ready(())
    }
}

impl<D: ManagerDriver> Drop for Background<D> {
    fn drop(&mut self) {
        if let Some(mut cleanup) = self.cleanup.take() {
            if self.started {
                report::abandoned(cleanup.spec.about.name, cleanup.exit());
            } else {
                last_poll(&mut cleanup);
            }
        }
    }
}

/// Polls a cleanup that nobody can run any longer, so that it has at least been started.
fn last_poll<D: ManagerDriver>(cleanup: &mut Cleanup<D>) {
    let mut cx = Context::from_waker(Waker::noop());
    if poll_and_report(cleanup, &mut cx).is_pending() {
        report::abandoned(cleanup.spec.about.name, cleanup.exit());
    }
}

/// Polls a cleanup whose result nobody waits for. Never panics.
fn poll_and_report<D: ManagerDriver>(cleanup: &mut Cleanup<D>, cx: &mut Context<'_>) -> Poll<()> {
    let polled: Result<Poll<Result<OutputOf<D>, CleanupTimedOut>>, Panic> =
        catch_unwind(AssertUnwindSafe(|| cleanup.poll(cx)));
    match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(Ok(outcome))) => report::outcome(&cleanup.spec, cleanup.exit(), outcome),
        Ok(Poll::Ready(Err(timed_out))) => report::timed_out(&timed_out),
        Err(panic) => {
            stats::count_panic();
            report::panic(cleanup.spec.about.name, cleanup.exit(), &panic);
        }
    }
    Poll::Ready(())
}

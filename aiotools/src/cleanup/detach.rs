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
use std::thread::{self, ThreadId};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::thread_bound::ThreadBound;
use super::tracker::Outstanding;
use super::{CleanupTimedOut, report, stats};
use crate::context::{Cleanup, Exit, Kind, ManagerDriver, OutputOf, Panic};
use crate::task::engine::adopt;

/// The runtime on which a manager was entered.
#[derive(Debug, Default)]
pub(crate) struct Home {
    runtime: Option<Handle>,
    /// For a `local` manager, also the thread.
    thread: Option<ThreadId>,
}

impl Home {
    pub(crate) fn current() -> Self {
        Self {
            runtime: Handle::try_current().ok(),
            thread: None,
        }
    }

    fn current_on_this_thread() -> Self {
        Self {
            thread: Some(thread::current().id()),
            ..Self::current()
        }
    }

    fn or_current(self) -> Option<Handle> {
        self.runtime.or_else(|| Handle::try_current().ok())
    }

    /// As [`or_current`](Self::or_current), for what cannot go back to the thread that it came from.
    fn or_current_on_this_thread(self) -> Option<Handle> {
        if self.thread == Some(thread::current().id()) {
            self.or_current()
        } else {
            Self::default().or_current()
        }
    }
}

/// What a cleanup is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Runtime,
    Thread,
    Scope,
}

impl Bound {
    /// Where a manager that is entered here is at home.
    pub(crate) fn home(self) -> Home {
        match self {
            Self::Runtime => Home::current(),
            Self::Thread => Home::current_on_this_thread(),
            Self::Scope => Home::default(),
        }
    }
}

/// The default kind.
pub(crate) fn shared<D: ManagerDriver + Unpin + Send + 'static>() -> Kind<D> {
    Kind {
        bound: Bound::Runtime,
        detach: detach_shared,
    }
}

/// `local`.
pub(crate) fn local<D: ManagerDriver + Unpin + 'static>() -> Kind<D> {
    Kind {
        bound: Bound::Thread,
        detach: detach_local,
    }
}

/// `scoped`.
pub(crate) fn scoped<D: ManagerDriver>() -> Kind<D> {
    Kind {
        bound: Bound::Scope,
        detach: |mut cleanup, _| {
            if let Some(cleanup) = cleanup.as_mut().as_pin_mut() {
                last_poll(cleanup);
            }
            cleanup.set(None);
        },
    }
}

fn detach_shared<D>(cleanup: Pin<&mut Option<Cleanup<D>>>, home: Home)
where
    D: ManagerDriver + Unpin + Send + 'static,
{
    if let Some(cleanup) = cleanup.get_mut().take() {
        in_background(cleanup, home);
    }
}

/// Hands over what may go on on any thread.
pub(crate) fn in_background<T: Detached + Send + 'static>(task: T, home: Home) {
    // Boxed, so that a task, its spawning and its place in a group are compiled once and not for each manager.
    spawn_shared(Background::<dyn Detached + Send>::new(Box::new(task)), home);
}

fn spawn_shared(background: Background<dyn Detached + Send>, home: Home) {
    stats::count_detached();
    let background = Counted::new(background);
    match home.or_current() {
        Some(runtime) => spawn(&runtime, background),
        None => drop(background),
    }
}

/// Inside a group it is the group that waits for it.
fn spawn<F: Future<Output = ()> + Send + 'static>(runtime: &Handle, background: F) {
    match adopt(background) {
        Ok(adopted) => drop(runtime.spawn(adopted)),
        Err(background) => drop(runtime.spawn(background)),
    }
}

/// As [`spawn`], in the `LocalSet` of this thread. Panics where there is none.
fn spawn_local<F: Future<Output = ()> + 'static>(background: F) {
    match adopt(background) {
        Ok(adopted) => drop(tokio::task::spawn_local(adopted)),
        Err(background) => drop(tokio::task::spawn_local(background)),
    }
}

fn detach_local<D>(cleanup: Pin<&mut Option<Cleanup<D>>>, home: Home)
where
    D: ManagerDriver + Unpin + 'static,
{
    let Some(cleanup) = cleanup.get_mut().take() else {
        return;
    };
    let (manager, exit) = (cleanup.spec.about.name, cleanup.exit());
    let background = Background::<dyn Detached>::new(Box::new(cleanup));
    keep_on_this_thread(background, home, manager, exit);
}

fn keep_on_this_thread(
    background: Background<dyn Detached>,
    home: Home,
    manager: &'static str,
    exit: Exit,
) {
    stats::count_detached();
    let Some(runtime) = home.or_current_on_this_thread() else {
        return;
    };
    match runtime.runtime_flavor() {
        // Its tasks run on the thread that blocks on it, which is this one: here the guard was
        // entered, or else this thread is on that runtime now.
        RuntimeFlavor::CurrentThread => {
            let leaked = move || report::abandoned(manager, exit);
            let bound = ThreadBound::new(background, leaked);
            spawn(&runtime, Counted::new(bound));
        }
        // Tasks that are not `Send` run in a `LocalSet` only. Outside of one `spawn_local` panics,
        // and dropping its argument is then all that is left to do.
        _ => {
            let background = Counted::new(background);
            drop(catch_unwind(AssertUnwindSafe(|| spawn_local(background))));
        }
    }
}

/// A task that [`drain`](super::drain) waits for. Outside of all else, so that it is counted down
/// whatever becomes of what is inside.
struct Counted<F> {
    task: F,
    _outstanding: Outstanding,
}

impl<F> Counted<F> {
    fn new(task: F) -> Self {
        Self {
            task,
            _outstanding: Outstanding::new(),
        }
    }
}

impl<F: Future<Output = ()> + Unpin> Future for Counted<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.task).poll(cx)
    }
}

/// Cleanups that nobody waits for any more: of one manager, or of a stack of them.
///
/// They report what goes wrong, and never panic.
pub(crate) trait Detached {
    /// Runs them. `first` says that this is their first poll as a task.
    fn poll(&mut self, cx: &mut Context<'_>, first: bool) -> Poll<()>;

    /// Polls them once, as nobody can run them any longer.
    fn last_poll(&mut self);

    /// Gives up what is running, and is dropped.
    fn abandon(&mut self);
}

impl<D: ManagerDriver + Unpin> Detached for Cleanup<D> {
    fn poll(&mut self, cx: &mut Context<'_>, first: bool) -> Poll<()> {
        poll_and_report(Pin::new(self), |mut cleanup| {
            if first {
                cleanup.as_mut().move_timer();
            }
            cleanup.poll(cx)
        })
    }

    fn last_poll(&mut self) {
        last_poll(Pin::new(self));
    }

    fn abandon(&mut self) {
        report::abandoned(self.spec.about.name, self.exit());
    }
}

/// A cleanup as a task of its own.
struct Background<T: Detached + ?Sized> {
    /// `None` once it has ended.
    task: Option<Box<T>>,
    started: bool,
}

impl<T: Detached + ?Sized> Background<T> {
    fn new(task: Box<T>) -> Self {
        Self {
            task: Some(task),
            started: false,
        }
    }
}

impl<T: Detached + ?Sized> Future for Background<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let first = !std::mem::replace(&mut self.started, true);
        if let Some(task) = &mut self.task {
            if task.poll(cx, first).is_pending() {
                return Poll::Pending;
            }
            self.task = None;
        }
        Poll::Ready(())
    }
}

impl<T: Detached + ?Sized> Drop for Background<T> {
    fn drop(&mut self) {
        if let Some(mut task) = self.task.take() {
            if self.started {
                task.abandon();
            } else {
                task.last_poll();
            }
        }
    }
}

/// Polls a cleanup that nobody can run any longer, so that it has at least been started. There is no
/// timer for it: it may be on no runtime, or on one that shuts down.
fn last_poll<D: ManagerDriver>(mut cleanup: Pin<&mut Cleanup<D>>) {
    let mut cx = Context::from_waker(Waker::noop());
    if poll_and_report(cleanup.as_mut(), |cleanup| {
        cleanup.poll_untimed(&mut cx).map(Ok)
    })
    .is_pending()
    {
        report::abandoned(cleanup.spec.about.name, cleanup.exit());
    }
}

/// Polls a cleanup whose result nobody waits for. Never panics.
fn poll_and_report<D: ManagerDriver>(
    mut cleanup: Pin<&mut Cleanup<D>>,
    poll: impl FnOnce(Pin<&mut Cleanup<D>>) -> Poll<Result<OutputOf<D>, CleanupTimedOut>>,
) -> Poll<()> {
    let polled: Result<_, Panic> = catch_unwind(AssertUnwindSafe(|| poll(cleanup.as_mut())));
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

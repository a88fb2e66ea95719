//! Cleanups run one after the other, last in, first out.
//!
//! # Invariants
//!
//! 1. An entry is resumed when its turn comes, and not before. From then on it is `running`, and the next
//!    one has to wait until it has ended.
//! 2. Every entry gets its turn, whatever becomes of the others: on the way of the caller, in the
//!    background, or, where nobody can run it any longer, for one poll.
//! 3. What an entry pushes while it runs has its turn next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::entry::Entry;
use super::error::AnyError;
use crate::cleanup::detach::{Detached, Home, in_background};
use crate::cleanup::{report, stats};
use crate::context::Exit;
use crate::context::failure::{CleanupFailure, Failure};

/// Where the entries come from.
pub(crate) trait Entries: Send + 'static {
    fn pop(&mut self) -> Option<Entry>;
}

impl Entries for Vec<Entry> {
    fn pop(&mut self) -> Option<Entry> {
        Vec::pop(self)
    }
}

/// Entries that can still become more.
impl Entries for Arc<Mutex<Vec<Entry>>> {
    fn pop(&mut self) -> Option<Entry> {
        self.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// Entries on their way out. Dropped, it lets the rest go on in the background.
pub(crate) struct Unwinding<S: Entries>(Option<Unwind<S>>);

impl<S: Entries> Unwinding<S> {
    pub(crate) fn new(entries: S, exit: Exit, home: Home) -> Self {
        Self(Some(Unwind {
            entries,
            running: None,
            exit,
            home,
        }))
    }

    /// Runs the next entry to its end; `None` when there are no more.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(), CleanupFailure<AnyError>>>> {
        let Some(unwind) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let next = ready!(unwind.poll_next(|entry| entry.poll(cx)));
        if next.is_none() {
            self.0 = None;
        }
        Poll::Ready(next)
    }
}

impl<S: Entries> Drop for Unwinding<S> {
    fn drop(&mut self) {
        let Some(mut unwind) = self.0.take() else {
            return;
        };
        // Nothing is handed over where nothing is left.
        if unwind.next().is_some() {
            let home = std::mem::take(&mut unwind.home);
            in_background(unwind, home);
        }
    }
}

struct Unwind<S: Entries> {
    entries: S,
    running: Option<Entry>,
    /// What the next one is told.
    exit: Exit,
    home: Home,
}

type Polled = Poll<Result<Result<(), AnyError>, crate::cleanup::CleanupTimedOut>>;

impl<S: Entries> Unwind<S> {
    /// The entry whose turn it is, resumed.
    fn next(&mut self) -> Option<&mut Entry> {
        if self.running.is_none() {
            let mut entry = self.entries.pop()?;
            // Cannot panic: its value has been taken out.
            entry.resume(self.exit);
            self.running = Some(entry);
        }
        self.running.as_mut()
    }

    fn poll_next(
        &mut self,
        poll: impl FnOnce(&mut Entry) -> Polled,
    ) -> Poll<Option<Result<(), CleanupFailure<AnyError>>>> {
        let Some(entry) = self.next() else {
            return Poll::Ready(None);
        };
        let (spec, exit) = (entry.spec, entry.exit());
        let polled = catch_unwind(AssertUnwindSafe(|| poll(entry)));
        let result = match polled {
            Ok(polled) => ready!(polled)
                .unwrap_or_else(spec.timed_out)
                .map_err(Failure::Error),
            Err(panic) => {
                stats::count_panic();
                Err(Failure::Panic(panic))
            }
        };
        let failed = |failure| CleanupFailure {
            spec,
            exit,
            failure,
        };
        // What is left of it may panic in its drop.
        let ended = self.running.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(ended)));
        let result = match (result, dropped) {
            (Ok(()), Err(panic)) => Err(Failure::Panic(panic)),
            (Err(failure), Err(panic)) => {
                failed(Failure::Panic(panic)).report();
                Err(failure)
            }
            (result, Ok(())) => result,
        };
        let result = result.map_err(|failure| {
            // Those below are told what they would be told by scopes in each other.
            if self.exit.is_completed() {
                self.exit = failure.exit();
            }
            failed(failure)
        });
        Poll::Ready(Some(result))
    }
}

impl<S: Entries> Detached for Unwind<S> {
    fn poll(&mut self, cx: &mut Context<'_>, first: bool) -> Poll<()> {
        if first && let Some(running) = &mut self.running {
            running.move_timer();
        }
        while let Some(result) = ready!(self.poll_next(|entry| entry.poll(cx))) {
            if let Err(failure) = result {
                failure.report();
            }
        }
        Poll::Ready(())
    }

    fn last_poll(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.poll_next(|entry| entry.poll_untimed(&mut cx).map(Ok)) {
                Poll::Ready(None) => return,
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(Some(Err(failure))) => failure.report(),
                Poll::Pending => self.abandon_running(),
            }
        }
    }

    fn abandon(&mut self) {
        self.abandon_running();
        self.last_poll();
    }
}

impl<S: Entries> Unwind<S> {
    fn abandon_running(&mut self) {
        if let Some(running) = self.running.take() {
            report::abandoned(running.spec.about.name, running.exit());
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(running))) {
                drop(panic);
            }
        }
    }
}

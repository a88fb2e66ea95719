//! Cleanups run one after the other, last in, first out.
//!
//! # Invariants
//!
//! 1. An entry is resumed when its turn comes, and not before. From then on it is `running`, and the next
//!    one has to wait until it has ended.
//! 2. Every entry gets its turn, whatever becomes of the others: on the way of the caller, in the
//!    background, or, where nobody can run it any longer, for one poll.
//! 3. What an entry pushes while it runs has its turn next.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::entry::Entry;
use super::error::AnyError;
use crate::cleanup::detach::{Detached, Home, in_background};
use crate::cleanup::{report, stats};
use crate::context::Exit;
use crate::context::failure::{CleanupFailure, Failure, FirstFailure};

/// Where the entries come from.
pub(crate) trait Entries: Send + 'static {
    fn pop(&mut self) -> Option<Entry>;
}

impl Entries for Vec<Entry> {
    fn pop(&mut self) -> Option<Entry> {
        Vec::pop(self)
    }
}

/// Entries on their way out. Dropped, it lets the rest go on in the background.
pub(crate) struct Unwinding<S: Entries>(Option<Unwind<S>>);

impl<S: Entries> Unwinding<S> {
    /// Entries whose turn has not come: [`leave`](Self::leave) says that it has, and so does a drop.
    pub(crate) fn armed(entries: S, home: Home) -> Self {
        Self(Some(Unwind {
            entries,
            running: None,
            exit: None,
            home,
        }))
    }

    /// Says why they are left.
    pub(crate) fn leave(&mut self, exit: Exit) {
        if let Some(unwind) = &mut self.0 {
            unwind.exit = Some(exit);
        }
    }

    /// Leaves all. Gives the first failure, reports the others.
    pub(crate) async fn run(&mut self, exit: Exit) -> FirstFailure<AnyError> {
        self.leave(exit);
        let mut first = FirstFailure::none();
        while let Some(result) = poll_fn(|cx| self.poll_next(cx)).await {
            if let Err(failure) = result {
                first.add(failure);
            }
        }
        first
    }

    /// Leaves all, where something else has gone wrong before.
    pub(crate) async fn run_behind(&mut self, exit: Exit) {
        self.leave(exit);
        while let Some(result) = poll_fn(|cx| self.poll_next(cx)).await {
            if let Err(failure) = result {
                failure.report();
            }
        }
    }

    /// Runs the next entry to its end; `None` when there are no more.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(), CleanupFailure<AnyError>>>> {
        let Some(unwind) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let next = ready!(unwind.poll_next(|entry| Pin::new(entry).poll(cx)));
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
    /// What the next one is told; a drop decides it if nobody else has.
    exit: Option<Exit>,
    home: Home,
}

type Polled = Poll<Result<Result<(), AnyError>, crate::cleanup::CleanupTimedOut>>;

impl<S: Entries> Unwind<S> {
    /// The entry whose turn it is, resumed.
    fn next(&mut self) -> Option<&mut Entry> {
        if self.running.is_none() {
            let mut entry = self.entries.pop()?;
            // Cannot panic: its value has been taken out.
            Pin::new(&mut entry).resume(*self.exit.get_or_insert_with(Exit::on_drop));
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
            if exit.is_completed() {
                self.exit = Some(failure.exit());
            }
            failed(failure)
        });
        Poll::Ready(Some(result))
    }
}

impl<S: Entries> Detached for Unwind<S> {
    fn poll(&mut self, cx: &mut Context<'_>, first: bool) -> Poll<()> {
        if first && let Some(running) = &mut self.running {
            Pin::new(running).move_timer();
        }
        while let Some(result) = ready!(self.poll_next(|entry| Pin::new(entry).poll(cx))) {
            if let Err(failure) = result {
                failure.report();
            }
        }
        Poll::Ready(())
    }

    fn last_poll(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.poll_next(|entry| Pin::new(entry).poll_untimed(&mut cx).map(Ok)) {
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

//! What becomes of the place of a worker that has failed, and who hears of it (I2 and I3 of
//! [`plan`](super::plan)).

use std::time::{Duration, Instant};

use super::{
    Plan,
    member::Member,
    slot::{Origin, Place},
};
use crate::server::{
    ServerError, ServerEvent, WorkerFailure, WorkerPhase, error::Kind, failure::How,
};

impl Plan<'_> {
    pub(super) fn fall(&mut self, member: &mut Member, place: Place, how: How, now: Instant) {
        if let Some(failure) = member.fail(member.phase(self.options.run_to_completion), how) {
            self.fell(failure, place, now);
        }
    }

    /// Deals with the failure of a worker, which is no longer in its place.
    pub(super) fn fell(&mut self, failure: WorkerFailure, place: Place, now: Instant) {
        if self.options.run_to_completion {
            // The others go on, and the caller will hear of it in the end.
            self.failures.push(failure.clone());
            return self.survive(failure);
        }
        if !self.is_up() && place == Place::Successor {
            // The one that it was to replace has served to the end.
            return self.survive(failure);
        }
        if !self.is_up() {
            return match self.options.ignore_failures {
                true => self.survive(failure),
                false => self.regret(failure),
            };
        }
        let is_start = failure.phase() == WorkerPhase::Initialization && place != Place::Leaving;
        let in_reload = is_start.then(|| failure.clone());
        self.replace(failure, place, now);
        if let Some(failure) = in_reload {
            self.reload_failed(failure);
        }
    }

    /// Decides who takes the place of a worker that has failed.
    fn replace(&mut self, failure: WorkerFailure, place: Place, now: Instant) {
        let index = failure.index();
        let slot = &mut self.slots[index];
        match place {
            Place::Leaving => self.survive(failure),
            Place::Successor => {
                self.survive(failure);
                self.recycle_failed(index, now);
            }
            // It leaves a place that has been taken away, or is taken already.
            Place::Current if index >= self.wanted => self.survive(failure),
            Place::Current if slot.successor.is_some() => {
                slot.current = slot.successor.take();
                self.survive(failure);
            }
            Place::Current if !slot.was_ready && slot.origin == Origin::Scale => {
                self.survive(failure);
                self.scale(index, now);
            }
            Place::Current
                if self.options.ignore_failures
                    && (!slot.was_ready || self.options.restart.is_never()) =>
            {
                slot.given_up = true;
                self.survive(failure);
            }
            Place::Current if !slot.was_ready || self.options.restart.is_never() => {
                self.regret(failure);
                self.stop(self.options.default_signal(), None, now);
            }
            Place::Current => {
                match slot
                    .history
                    .failed(now, &self.options.restart, &mut self.random)
                {
                    Ok(wait) => {
                        self.survive(failure);
                        self.refill(index, wait, now);
                    }
                    Err(count) => {
                        self.event(failed(failure.clone(), false));
                        self.error = Some(ServerError::new(Kind::RestartLimit {
                            count,
                            window: self.options.restart.window(),
                            last: failure,
                        }));
                        self.stop(self.options.default_signal(), None, now);
                    }
                }
            }
        }
    }

    /// Has another worker take a free place after `wait`.
    pub(super) fn refill(&mut self, index: usize, wait: Duration, now: Instant) {
        self.slots[index].retry_at = now.checked_add(wait);
        self.event(ServerEvent::Respawn { index, after: wait });
    }

    fn survive(&mut self, failure: WorkerFailure) {
        self.survived += 1;
        self.event(failed(failure, true));
    }

    fn regret(&mut self, failure: WorkerFailure) {
        self.event(failed(failure.clone(), false));
        self.failures.push(failure);
    }
}

fn failed(failure: WorkerFailure, survived: bool) -> ServerEvent {
    ServerEvent::WorkerFailed { failure, survived }
}

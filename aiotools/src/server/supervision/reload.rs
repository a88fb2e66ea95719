//! New workers in the place of those that are there, one after the other.
//!
//! A new worker is started beside the old one. When it is ready, the old one is told to stop, and
//! when that has ended, which has a limit, the next one's turn has come: but not before each slot
//! has a worker that is ready, so that a reload never adds to what a failure has taken away.
//!
//! If the new one fails, or is not ready in time, the old one stays, and so do all whose turn has
//! not come. The failure of any other start during a reload ends it too.

use std::{collections::VecDeque, time::Instant};

use super::{
    Plan, WorkerId,
    member::Asked,
    slot::{Place, Slot},
};
use crate::server::{ServerEvent, WorkerFailure};

#[derive(Debug, Default)]
pub(super) struct Rollout {
    /// The worker that is being replaced.
    at: Option<WorkerId>,
    /// Those whose turn is still to come; `None` when there is no reload.
    reload: Option<VecDeque<WorkerId>>,
    /// Those that are worn, and whose turn comes when there is no reload.
    pub(super) worn: VecDeque<WorkerId>,
    /// Another reload was asked for during this one.
    again: bool,
}

impl Plan<'_> {
    /// Begins a reload. One that is asked for during another follows that; any more are the same.
    pub(super) fn reload(&mut self) {
        if !self.is_up() || self.options.run_to_completion {
            return;
        }
        if self.rollout.reload.is_some() {
            self.rollout.again = true;
            return;
        }
        let slots = self.slots.iter().take(self.wanted);
        let ids = slots.filter_map(|slot| slot.current.as_ref().map(|member| member.id));
        self.rollout.reload = Some(ids.collect());
        self.event(ServerEvent::ReloadStarted);
    }

    /// Goes on with what is being rolled out, as far as it can for now.
    pub(super) fn roll(&mut self, now: Instant) {
        if self.rollout.at.is_some_and(|old| self.is_giving_way(old)) {
            return;
        }
        self.rollout.at = None;
        let slots = &self.slots[..self.wanted.min(self.slots.len())];
        if !slots.iter().all(Slot::is_ready) {
            return;
        }
        while let Some(old) = self.next_turn() {
            let is = |slot: &Slot| slot.place_of(old) == Some(Place::Current);
            // One that is gone has been replaced already, by one that is as new.
            if let Some(index) = self.slots.iter().take(self.wanted).position(is) {
                self.rollout.at = Some(old);
                return self.fork(index, Place::Successor, now);
            }
        }
    }

    /// Whose turn it is to be replaced.
    fn next_turn(&mut self) -> Option<WorkerId> {
        while let Some(queue) = &mut self.rollout.reload {
            match queue.pop_front() {
                Some(old) => return Some(old),
                None => self.finish_reload(ServerEvent::ReloadDone),
            }
        }
        self.rollout.worn.pop_front()
    }

    pub(super) fn is_reloading(&self) -> bool {
        self.rollout.reload.is_some()
    }

    /// Whether a worker has a successor that is starting, or has made way and is not gone.
    fn is_giving_way(&self, old: WorkerId) -> bool {
        self.slots.iter().any(|slot| match slot.place_of(old) {
            Some(Place::Current) => slot.successor.is_some(),
            place => place == Some(Place::Leaving),
        })
    }

    /// A successor is ready.
    pub(super) fn promote(&mut self, index: usize, now: Instant) {
        let slot = &mut self.slots[index];
        let (old, new) = (slot.current.take(), slot.successor.take());
        slot.current = new;
        if let Some(old) = old {
            let id = old.id;
            slot.leaving.push(old);
            self.dismiss(id, self.options.default_signal(), Asked::Server, now);
        }
    }

    /// A new worker has failed.
    pub(super) fn reload_failed(&mut self, failure: WorkerFailure) {
        if self.rollout.reload.is_some() {
            self.finish_reload(ServerEvent::ReloadFailed { failure });
        }
    }

    fn finish_reload(&mut self, event: ServerEvent) {
        self.event(event);
        self.rollout.reload = None;
        if std::mem::take(&mut self.rollout.again) {
            self.reload();
        }
    }

    /// A stop has come in between.
    pub(super) fn end_reload(&mut self) {
        self.rollout = Rollout::default();
    }
}

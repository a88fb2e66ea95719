//! More workers, or fewer, at run time.
//!
//! Where each worker has a queue of its own, the queues stay when the workers go. A worker that is no
//! longer needed [lingers](LINGER); what comes to wait in its queue still later is served by one that
//! is started [for that alone](Plan::attend).

use std::time::{Duration, Instant};

use super::{
    Command, Plan,
    member::{Asked, Member},
    slot::{Origin, Place, Slot},
    stop::State,
};
use crate::server::ServerEvent;

/// How long a worker with a queue of its own serves on when it is no longer needed, and new
/// connections go to the others: for those that are just being opened, which the kernel has given to
/// it. The packet that opens one is repeated after a second, and again two seconds later.
const LINGER: Duration = Duration::from_millis(3500);

/// How often workers are started for what came too late, so that one that fails at its start does not
/// do so again and again.
const ATTEND_INTERVAL: Duration = Duration::from_secs(1);

/// More than this are taken for a mistake.
const MOST: usize = 1024;

impl Plan<'_> {
    /// Has `workers` workers from now on, but at least one. Those with the highest indexes go.
    pub(super) fn scale(&mut self, workers: usize, now: Instant) {
        let workers = workers.clamp(1, MOST.max(self.wanted));
        if !self.is_up() || self.options.run_to_completion || workers == self.wanted {
            return;
        }
        let before = std::mem::replace(&mut self.wanted, workers);
        self.event(ServerEvent::Scaled { workers });
        for index in before..workers {
            match self.slots.get_mut(index) {
                Some(slot) => {
                    slot.retire_at = None;
                    if slot.current.is_some() {
                        continue;
                    }
                    // Some of its last workers are still leaving it.
                    slot.reopen();
                }
                None => self.slots.push(Slot::new(Origin::Scale)),
            }
            self.fork(index, Place::Current, now);
        }
        for index in workers..before {
            let slot = &mut self.slots[index];
            slot.retry_at = None;
            if self.lingers && slot.current.as_ref().is_some_and(Member::is_serving) {
                slot.retire_at = Some(now + LINGER);
                if let Some(id) = slot.successor.as_ref().map(|member| member.id) {
                    self.dismiss(id, self.options.default_signal(), Asked::Server, now);
                }
            } else {
                self.empty(index, now);
            }
        }
    }

    /// The slots whose worker may go, once nothing waits for it alone. Each is to be told to
    /// [`retire`](Self::retire).
    pub(in crate::server) fn due_to_retire(&self, now: Instant) -> Vec<usize> {
        let due = |slot: &Slot| slot.retires_at().is_some_and(|at| at <= now);
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| due(slot))
            .map(|(index, _)| index)
            .collect()
    }

    /// When the first of them is due; until it has been told to go, that may lie in the past.
    pub(in crate::server) fn next_to_retire(&self) -> Option<Instant> {
        self.slots.iter().filter_map(Slot::retires_at).min()
    }

    /// Nothing waits for this worker any more.
    pub(in crate::server) fn retire(&mut self, index: usize, now: Instant) {
        if let Some(slot) = self.slots.get_mut(index)
            && slot.retire_at.take().is_some()
        {
            self.empty(index, now);
        }
    }

    /// The indexes, of those below `queues`, whose queue no worker serves, or is to. If something
    /// waits there after all, they are to be [attended](Self::attend).
    pub(in crate::server) fn unattended(&self, queues: usize) -> Vec<usize> {
        if !matches!(self.state, State::Running) || self.attend_after.is_some() {
            return Vec::new();
        }
        let serves = |index: &usize| {
            let slot = self.slots.get(*index);
            slot.is_some_and(|slot| slot.current.is_some())
        };
        (self.wanted..queues)
            .filter(|index| !serves(index))
            .collect()
    }

    /// Starts a worker that retires as soon as its queue is empty: the last one of its index is gone,
    /// and a connection waits there. Its handshake has taken longer than that one has lingered.
    pub(in crate::server) fn attend(&mut self, index: usize, now: Instant) {
        self.attend_after = now.checked_add(ATTEND_INTERVAL);
        while self.slots.len() <= index {
            self.slots.push(Slot::new(Origin::Scale));
        }
        let slot = &mut self.slots[index];
        slot.reopen();
        slot.retire_at = Some(now);
        self.fork(index, Place::Current, now);
    }

    /// Another server has the sockets now: stops, and where each worker has a queue of its own,
    /// serves on for a while, for connections that are just being opened.
    pub(in crate::server) fn give_way(&mut self, lingers: bool, now: Instant) {
        if lingers && self.is_up() {
            self.give_way_at = Some(now + LINGER);
        } else {
            self.command(Command::Stop, now);
        }
    }

    /// Has the workers go whose queue does not become empty.
    pub(super) fn expire_retired(&mut self, now: Instant) {
        let limit = self.options.wait_timeout;
        for index in self.wanted..self.slots.len() {
            let over = |at: Instant| at.checked_add(limit).is_some_and(|until| until <= now);
            if self.slots[index].retire_at.is_some_and(over) {
                self.retire(index, now);
            }
        }
    }

    fn empty(&mut self, index: usize, now: Instant) {
        let ids: Vec<_> = self.slots[index]
            .members()
            .map(|member| member.id)
            .collect();
        for id in ids {
            self.dismiss(id, self.options.default_signal(), Asked::Server, now);
        }
    }
}

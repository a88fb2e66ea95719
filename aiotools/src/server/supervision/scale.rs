//! More workers, or fewer, at run time.

use std::time::Instant;

use super::{
    Plan,
    member::Asked,
    slot::{Origin, Place, Slot},
};
use crate::server::ServerEvent;

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
                // Some of its last workers are still leaving it.
                Some(slot) => {
                    slot.origin = Origin::Scale;
                    slot.was_ready = false;
                }
                None => self.slots.push(Slot::new(Origin::Scale)),
            }
            self.fork(index, Place::Current, now);
        }
        for index in workers..before {
            let slot = &mut self.slots[index];
            slot.retry_at = None;
            let ids: Vec<_> = slot.members().map(|member| member.id).collect();
            for id in ids {
                self.dismiss(id, self.options.default_signal(), Asked::Server, now);
            }
        }
    }
}

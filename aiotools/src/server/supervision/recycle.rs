//! New workers in the place of those that are worn: old, or full, or have served enough.
//!
//! It is done as in a [reload](super::reload), one at a time: the new one is ready before the worn
//! one is told to stop. If the new one fails, the worn one serves on, and it is tried again later.

use std::time::{Duration, Instant};

use super::{Action, Plan, WorkerId, member::Member};
use crate::server::{RecycleCause, ServerEvent};

/// How often it is looked how much memory the workers have.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

impl Plan<'_> {
    /// A worker is ready, and begins to wear out.
    pub(super) fn begin_wear(&mut self, id: WorkerId, now: Instant) {
        if self.options.run_to_completion {
            return;
        }
        if let Some(age) = self.options.max_age {
            let age = self.random.up_to_a_quarter_more(age);
            if let Some(member) = self.member(id) {
                member.worn_at = now.checked_add(age).map(|at| (at, RecycleCause::Age));
            }
        }
        if self.options.max_memory.is_some() && self.measure_at.is_none() {
            self.measure_at = Some(now + MEASURE_INTERVAL);
        }
    }

    /// After how many requests the next worker is worn.
    pub(super) fn request_limit(&mut self) -> Option<u64> {
        let limit = self
            .options
            .max_requests
            .filter(|_| !self.options.run_to_completion)?;
        Some(self.random.up_to_a_quarter_more_of(limit).max(1))
    }

    /// A worker has so much memory.
    pub(in crate::server) fn memory(&mut self, id: WorkerId, bytes: u64) {
        if self.options.max_memory.is_some_and(|limit| bytes > limit) {
            self.wear(id, RecycleCause::Memory);
        }
    }

    /// A worker is to be replaced.
    pub(super) fn wear(&mut self, id: WorkerId, cause: RecycleCause) {
        if let Some(member) = self.member(id)
            && member.is_serving()
            && !member.worn
        {
            member.worn = true;
            member.worn_at = None;
            let (index, pid) = (member.index, member.pid);
            self.rollout.worn.push_back(id);
            self.event(ServerEvent::Recycle { index, pid, cause });
        }
    }

    pub(super) fn advance_wear(&mut self, now: Instant) {
        let worn: Vec<_> = self
            .serving_members()
            .filter_map(|member| member.worn_at.map(|(at, cause)| (member.id, at, cause)))
            .filter(|(_, at, _)| *at <= now)
            .collect();
        for (id, _, cause) in worn {
            self.wear(id, cause);
        }
        if self.measure_at.is_some_and(|at| at <= now) {
            self.measure_at = Some(now + MEASURE_INTERVAL);
            let ids: Vec<_> = self.serving_members().map(|member| member.id).collect();
            for id in ids {
                self.act(Action::Measure(id));
            }
        }
    }

    /// What was to take the place of a worn worker has failed.
    pub(super) fn recycle_failed(&mut self, index: usize, now: Instant) {
        let again = self.options.restart.longest_wait();
        if let Some(member) = self.slots[index].current.as_mut()
            && member.worn
        {
            member.worn = false;
            member.worn_at = now.checked_add(again).map(|at| (at, RecycleCause::Again));
        }
    }

    pub(super) fn wear_deadline(&self) -> Option<Instant> {
        let worn = |member: &Member| member.worn_at.map(|(at, _)| at);
        self.serving_members()
            .filter_map(worn)
            .chain(self.measure_at)
            .min()
    }
}

//! Looking at the workers: what the parent knows of them, and what they say of themselves.
//!
//! The same goes for extra processes, which have a plan of their own; [`Teams`](super::Teams) has
//! both looked at.

use std::time::{Duration, Instant};

use super::{Action, Plan, WorkerId, member::Member};
use crate::server::{
    ServerEvent, ServerStatus, WorkerState, WorkerStatus,
    control::{Order, Picture},
};

/// How long a worker may take to say what it is doing. One that is halted never does.
pub(super) const PICTURE_LIMIT: Duration = Duration::from_secs(1);

/// Workers that have been asked.
#[derive(Debug)]
pub(super) struct Inspection {
    waiting: Vec<WorkerId>,
    until: Instant,
    pictures: Vec<(WorkerId, Picture)>,
}

impl Plan<'_> {
    /// What the parent knows.
    fn status(&self, now: Instant) -> ServerStatus {
        let workers = self.slots.iter().flat_map(|slot| {
            slot.members().map(|member| WorkerStatus {
                index: member.index,
                pid: member.pid,
                state: state(member),
                age: now.saturating_duration_since(member.started),
                restarts: slot.restarts,
                extra: false,
                asked: false,
                picture: None,
            })
        });
        ServerStatus {
            wanted: self.wanted,
            stopping: !self.is_up(),
            reloading: self.is_reloading(),
            survived: self.survived,
            workers: workers.collect(),
        }
    }

    /// Asks all workers; when they have answered, or had their time, the status is told as an
    /// event. If that is under way, once is enough.
    pub(super) fn inspect(&mut self, now: Instant) {
        if self.inspection.is_some() {
            return;
        }
        let waiting: Vec<_> = self.members().map(|member| member.id).collect();
        for id in &waiting {
            self.act(Action::Tell(*id, Order::Picture));
        }
        self.inspection = Some(Inspection {
            waiting,
            until: now + PICTURE_LIMIT,
            pictures: Vec::new(),
        });
    }

    /// A worker has answered.
    pub(super) fn inspected(&mut self, id: WorkerId, picture: Picture) {
        if let Some(inspection) = &mut self.inspection {
            inspection.waiting.retain(|waiting| *waiting != id);
            inspection.pictures.push((id, picture));
        }
    }

    pub(super) fn advance_inspection(&mut self, now: Instant) {
        let Some(inspection) = &self.inspection else {
            return;
        };
        let ids: Vec<_> = self.members().map(|member| member.id).collect();
        if inspection.until > now && ids.iter().any(|id| inspection.waiting.contains(id)) {
            return;
        }
        let mut status = self.status(now);
        let mut pictures = self.inspection.take().map_or_else(Vec::new, |i| i.pictures);
        for (id, worker) in ids.into_iter().zip(&mut status.workers) {
            worker.asked = true;
            let of = |(whose, _): &(WorkerId, Picture)| *whose == id;
            if let Some(i) = pictures.iter().position(of) {
                worker.picture = Some(pictures.swap_remove(i).1);
            }
        }
        self.event(ServerEvent::Inspected { status });
    }

    pub(super) fn is_inspecting(&self) -> bool {
        self.inspection.is_some()
    }

    pub(super) fn inspection_deadline(&self) -> Option<Instant> {
        self.inspection.as_ref().map(|inspection| inspection.until)
    }
}

fn state(member: &Member) -> WorkerState {
    if member.killed.is_some() {
        WorkerState::Killed
    } else if member.told.is_some() || member.has_failed() {
        WorkerState::Stopping
    } else if member.ready.is_some() {
        WorkerState::Serving
    } else {
        WorkerState::Starting
    }
}

//! Whether the workers that serve are alive, and not only there.
//!
//! A worker is asked every `interval`, and its runtime has to answer. When it has not for `limit`,
//! it is asked for its task tree, which a thread beside the runtime gives, unless the whole process
//! stands still. Then it is told to stop, by all means, and another one takes its place.

use std::time::{Duration, Instant};

use super::{
    Action, Plan, WorkerId,
    inspect::PICTURE_LIMIT,
    member::{Asked, Member},
    slot::Place,
};
use crate::server::{ServerEvent, control::Order, failure::How};

/// Where the talk with a worker about its being alive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// It is asked again at this time.
    Resting(Instant),
    /// It was asked at this time.
    Asked(Instant),
    /// It did not answer, and was asked for its tree at this time.
    Silent(Instant),
}

/// What is to be done about a pulse.
#[derive(Debug, PartialEq, Eq)]
enum Beat {
    Ask,
    AskForTree,
    GiveUp,
}

impl Pulse {
    fn advance(&mut self, now: Instant, limit: Duration) -> Option<Beat> {
        let due = self.due(limit)?;
        if due > now {
            return None;
        }
        match self {
            Self::Resting(_) => {
                *self = Self::Asked(now);
                Some(Beat::Ask)
            }
            // The parent itself has not been running, as when the whole machine was suspended.
            // That is no fault of the worker.
            Self::Asked(since) if now - due >= limit / 2 => {
                *since = now;
                None
            }
            Self::Asked(_) => {
                *self = Self::Silent(now);
                Some(Beat::AskForTree)
            }
            Self::Silent(_) => Some(Beat::GiveUp),
        }
    }

    /// When there is something to do; `None` for a time too far away to be told.
    fn due(self, limit: Duration) -> Option<Instant> {
        match self {
            Self::Resting(until) => Some(until),
            Self::Asked(since) => since.checked_add(limit),
            Self::Silent(since) => Some(since + PICTURE_LIMIT),
        }
    }
}

impl Member {
    fn pulse(&mut self) -> Option<&mut Pulse> {
        if self.is_serving() {
            self.pulse.as_mut()
        } else {
            None
        }
    }
}

impl Plan<'_> {
    /// A worker is alive: it has just become ready, or has answered.
    pub(super) fn alive(&mut self, id: WorkerId, now: Instant) {
        if !self.options.run_to_completion
            && let Some((interval, _)) = self.options.heartbeat
            && let Some(next) = now.checked_add(interval)
            && let Some(member) = self.member(id)
            && !matches!(member.pulse, Some(Pulse::Silent(_)))
        {
            member.pulse = Some(Pulse::Resting(next));
        }
    }

    pub(super) fn beat(&mut self, now: Instant) {
        let Some((_, limit)) = self.options.heartbeat else {
            return;
        };
        let ids: Vec<_> = self.members().map(|member| member.id).collect();
        for id in ids {
            let pulse = self.member(id).and_then(Member::pulse);
            match pulse.and_then(|pulse| pulse.advance(now, limit)) {
                Some(Beat::Ask) => self.act(Action::Tell(id, Order::Ping)),
                Some(Beat::AskForTree) => self.act(Action::Tell(id, Order::Picture)),
                Some(Beat::GiveUp) => self.hung(id, None, now),
                None => {}
            }
        }
    }

    /// The tree of a worker has come, if that is what was waited for.
    pub(super) fn tree_of_silent(&mut self, id: WorkerId, tree: &str, now: Instant) {
        let pulse = self.member(id).and_then(Member::pulse);
        if matches!(pulse, Some(Pulse::Silent(_))) {
            self.hung(id, Some(tree.to_owned()), now);
        }
    }

    pub(super) fn pulse_deadline(&self) -> Option<Instant> {
        let (_, limit) = self.options.heartbeat?;
        self.serving_members()
            .filter_map(|member| member.pulse.and_then(|pulse| pulse.due(limit)))
            .min()
    }

    /// Has a worker go that does not answer.
    fn hung(&mut self, id: WorkerId, tree: Option<String>, now: Instant) {
        let Some((_, limit)) = self.options.heartbeat else {
            return;
        };
        let up = self.is_up();
        let Some((place, member)) = self.member_in_place(id) else {
            return;
        };
        member.pulse = None;
        if !up || place == Place::Leaving {
            return;
        }
        let (index, pid) = (member.index, member.pid);
        let failure = member.fail(member.phase(false), How::Hung(limit));
        self.event(ServerEvent::WorkerHung { index, pid, tree });
        self.dismiss(id, self.options.default_signal(), Asked::Server, now);
        self.act(Action::Terminate(id));
        if let Some(member) = self.member(id) {
            member.limit(now, limit, How::Hung(limit));
        }
        if let Some(failure) = failure {
            self.fell(failure, place, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn pulse_of_a_worker_that_answers_goes_on() {
        let now = Instant::now();
        let mut pulse = Pulse::Resting(now);
        assert_eq!(pulse.advance(now, LIMIT), Some(Beat::Ask));
        assert_eq!(pulse.advance(now + LIMIT / 2, LIMIT), None);
        assert_eq!(pulse, Pulse::Asked(now));
    }

    #[test]
    fn pulse_of_a_silent_worker_ends() {
        let now = Instant::now();
        let mut pulse = Pulse::Asked(now);
        let after = now + LIMIT;
        assert_eq!(pulse.advance(after, LIMIT), Some(Beat::AskForTree));
        assert_eq!(pulse.advance(after, LIMIT), None);
        assert_eq!(
            pulse.advance(after + PICTURE_LIMIT, LIMIT),
            Some(Beat::GiveUp)
        );
    }

    #[test]
    fn pulse_has_patience_when_the_parent_itself_stood_still() {
        let now = Instant::now();
        let mut pulse = Pulse::Asked(now);
        let late = now + LIMIT * 3;
        assert_eq!(pulse.advance(late, LIMIT), None);
        assert_eq!(pulse, Pulse::Asked(late));
        assert_eq!(pulse.advance(late + LIMIT, LIMIT), Some(Beat::AskForTree));
    }
}

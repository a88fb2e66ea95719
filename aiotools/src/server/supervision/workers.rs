//! What is done to a worker: it is made, told to stop, ended, given up.

use std::time::Instant;

use super::{
    Action, Plan, WorkerId,
    member::{Asked, Member},
    slot::Place,
    stop::{ECHO_WINDOW, KILL_LIMIT},
};
use crate::server::{Signal, control::Order, failure::How};

impl Plan<'_> {
    /// Asks for a new worker.
    pub(super) fn fork(&mut self, index: usize, place: Place, now: Instant) {
        self.last_id += 1;
        let id = WorkerId(self.last_id);
        let mut member = Member::new(id, index, now);
        if !self.options.run_to_completion {
            let limit = self.options.ready_timeout;
            member.limit(now, limit, How::NotReady(limit));
        }
        let slot = &mut self.slots[index];
        match place {
            Place::Successor => slot.successor = Some(member),
            _ => slot.current = Some(member),
        }
        let requests = self.request_limit();
        self.act(Action::Fork(id, index, requests));
    }

    /// Takes back what has been asked for and not been done yet.
    pub(super) fn cancel_forks(&mut self) {
        let is_fork = |action: &Action| matches!(action, Action::Fork(..));
        let ids: Vec<_> = self
            .members()
            .filter(|member| member.pid == 0)
            .map(|member| member.id)
            .collect();
        self.actions.retain(|action| !is_fork(action));
        for id in ids {
            if let Some((slot, _)) = self.find(id) {
                slot.take(id);
            }
        }
    }

    /// Tells a worker to stop, unless it has been told.
    pub(super) fn tell(&mut self, id: WorkerId, signal: Signal, asked: Asked) {
        if let Some(member) = self.member(id) {
            match &mut member.told {
                None => {
                    member.told = Some((signal, asked));
                    // That of its start is of no matter any more.
                    member.limit = None;
                    self.act(Action::Tell(id, Order::Stop(signal)));
                }
                Some((_, before)) if asked == Asked::Server => *before = Asked::Server,
                Some(_) => {}
            }
        }
    }

    /// Tells a worker to stop, with a limit, and takes it out of its place.
    pub(super) fn dismiss(&mut self, id: WorkerId, signal: Signal, asked: Asked, now: Instant) {
        self.tell(id, signal, asked);
        self.limit_stop(id, now);
        if let Some((slot, _)) = self.find(id)
            && let Some(member) = slot.take(id)
        {
            slot.leaving.push(member);
        }
    }

    /// Gives a worker `wait_timeout` from now.
    fn limit_stop(&mut self, id: WorkerId, now: Instant) {
        let limit = self.options.wait_timeout;
        if let Some(member) = self.member(id) {
            member.limit(now, limit, How::TimedOut(limit));
        }
    }

    /// A worker got a stop signal of its own.
    pub(super) fn asked(&mut self, id: WorkerId, signal: Signal, now: Instant) {
        let never = self.options.restart.is_never() || self.options.run_to_completion;
        let Some((slot, place)) = self.find(id) else {
            return;
        };
        if place == Place::Current && (never || !slot.was_ready) {
            // It keeps its place, as no other one is to take it.
            self.tell(id, signal, Asked::Worker);
            return self.limit_stop(id, now);
        }
        if place == Place::Successor {
            // It fails to start, like one that is killed.
            let failure = slot
                .get_mut(id)
                .and_then(|member| member.fail(member.phase(false), How::Stopped(signal)));
            self.dismiss(id, signal, Asked::Server, now);
            if let Some(failure) = failure {
                self.fell(failure, place, now);
            }
            return;
        }
        let successor = slot.successor.is_some();
        let index = slot.members().next().map_or(0, |member| member.index);
        self.dismiss(id, signal, Asked::Worker, now);
        let slot = &mut self.slots[index];
        if place == Place::Current && successor {
            slot.current = slot.successor.take();
        } else if place == Place::Current && index < self.wanted {
            // Not before a signal to the whole server, of which this may be a part, has come.
            self.refill(index, ECHO_WINDOW, now);
        }
    }

    /// Ends a worker at once.
    pub(super) fn kill(&mut self, id: WorkerId, how: How, now: Instant) {
        if let Some(member) = self.member(id)
            && member.killed.is_none()
        {
            member.killed = Some((how, now));
            self.act(Action::Kill(id));
        }
    }

    /// Acts on the limits that have passed.
    pub(super) fn expire(&mut self, now: Instant) {
        let due = |member: &Member| match (&member.killed, &member.limit) {
            (Some((_, at)), _) => (*at + KILL_LIMIT <= now).then_some(How::Stuck),
            (None, Some((until, how))) => (*until <= now).then(|| how.clone()),
            (None, None) => None,
        };
        let due: Vec<_> = self
            .members()
            .filter_map(|member| due(member).map(|how| (member.id, how)))
            .collect();
        for (id, how) in due {
            match how {
                How::Stuck => self.abandon(id, now),
                How::NotReady(_) if self.is_up() => self.give_up_start(id, how, now),
                how => self.kill(id, how, now),
            }
        }
    }

    /// Goes on without a process that cannot be ended.
    fn abandon(&mut self, id: WorkerId, now: Instant) {
        if let Some((slot, place)) = self.find(id)
            && let Some(mut member) = slot.take(id)
        {
            self.act(Action::Abandon(id));
            self.fall(&mut member, place, How::Stuck, now);
        }
    }

    /// Has a worker go that was not ready in time.
    fn give_up_start(&mut self, id: WorkerId, how: How, now: Instant) {
        let Some((slot, place)) = self.find(id) else {
            return;
        };
        let Some(member) = slot.get_mut(id) else {
            return;
        };
        let failure = member.fail(member.phase(false), how);
        self.dismiss(id, self.options.default_signal(), Asked::Server, now);
        if let Some(failure) = failure {
            self.fell(failure, place, now);
        }
    }
}

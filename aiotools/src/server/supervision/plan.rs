//! The plan of a server: its workers, and what is to be done about them.
//!
//! # States of a worker
//!
//! 1. **Starting**: forked, before its `yield_!`. It has `ready_timeout`.
//! 2. **Serving**: at its `yield_!`.
//! 3. **Leaving**: told to stop, or known to have failed. It has `wait_timeout`.
//! 4. **Killed**: sent SIGKILL. It has [`KILL_LIMIT`], and is then given up.
//!
//! From each of them it may end. The states of the server are those of [`stop`](super::stop).
//!
//! # A slot
//!
//! A worker index stands for a [`Slot`]. At most one worker is *current*: it serves, or is to. At
//! most one is its *successor*, which is starting while the current one serves. Any number are
//! leaving. While the server is up, each slot below `wanted` has a current worker, or a time at
//! which it will get one; from there on, it has one only if that is to [retire](Slot::retire_at).
//!
//! - starting current → serving, when it reports ready.
//! - starting successor → current, when it reports ready; the one before it leaves. If the one
//!   before it dies first, the successor is current at once.
//! - current or successor → leaving, when it reports a failure, is not ready in time, has no place
//!   any more, or got a stop signal of its own.
//!
//! # Invariants
//!
//! - I1. A worker is told to stop at most once.
//! - I2. Each worker has at most one failure, and each failure is told exactly once: in the error
//!   that ends the server, or as an event that was survived.
//! - I3. The failure of a current worker stops the server if no worker was ever ready in a slot of
//!   the start, or if the restart policy says so. All others are survived.
//! - I4. Every worker that is not at work has a limit, apart from those that start or run to
//!   completion in a server that was given none.
//! - I5. At most one slot has a successor, or an old worker that has just given way to one.

use std::{collections::VecDeque, io, process::ExitStatus, time::Instant};

use super::{
    Action, Command, Random, WorkerId,
    inspect::Inspection,
    member::{Asked, Member},
    reload::Rollout,
    slot::{Origin, Place, Slot},
    stop::{KILL_LIMIT, State},
};
use crate::server::{
    RecycleCause, ServerError, ServerEvent, Signal, WorkerFailure, control::Report, failure::How,
    options::Options,
};

#[derive(Debug)]
pub(in crate::server) struct Plan<'a> {
    pub(super) options: &'a Options,
    pub(super) state: State,
    pub(super) slots: Vec<Slot>,
    /// How many workers there are to be. Slots from there on are only there to be emptied.
    pub(super) wanted: usize,
    /// When to stop, as another server has the sockets.
    pub(super) give_way_at: Option<Instant>,
    /// Whether each worker has a queue of its own, so that one that is no longer needed has to
    /// empty it.
    pub(super) lingers: bool,
    /// Until when no worker is started for what waits in the queue of one that is gone.
    pub(super) attend_after: Option<Instant>,
    pub(super) rollout: Rollout,
    pub(super) actions: VecDeque<Action>,
    pub(super) last_id: u64,
    pub(super) random: Random,
    pub(super) inspection: Option<Inspection>,
    /// When to look at the memory of the workers.
    pub(super) measure_at: Option<Instant>,
    /// How many failures have been survived.
    pub(super) survived: u64,
    /// Those that were not survived.
    pub(super) failures: Vec<WorkerFailure>,
    pub(super) error: Option<ServerError>,
    /// When a worker last told of a stop signal of its own.
    pub(super) echoed: Option<Instant>,
    /// A second stop signal, to be obeyed at this time.
    pub(super) forced: Option<(Signal, Instant)>,
}

impl<'a> Plan<'a> {
    pub(in crate::server) fn new(options: &'a Options, random: Random) -> Self {
        Self {
            options,
            state: State::Starting,
            slots: Vec::new(),
            wanted: options.workers,
            give_way_at: None,
            lingers: false,
            attend_after: None,
            rollout: Rollout::default(),
            actions: VecDeque::new(),
            last_id: 0,
            random,
            inspection: None,
            measure_at: None,
            survived: 0,
            failures: Vec::new(),
            error: None,
            echoed: None,
            forced: None,
        }
    }

    /// Has the ids begin after this.
    pub(super) fn with_ids_from(mut self, last: u64) -> Self {
        self.last_id = last;
        self
    }

    /// Whether this worker is one of these.
    pub(super) fn has(&self, id: WorkerId) -> bool {
        self.members().any(|member| member.id == id)
    }

    /// A process of the server has got a stop signal of its own.
    pub(super) fn heard_echo(&mut self, now: Instant) {
        self.echoed = Some(now);
        self.forced = None;
    }

    // -- what has happened

    /// The workers may be started; unless a stop was asked for before.
    pub(in crate::server) fn start(&mut self, lingers: bool, now: Instant) {
        self.lingers = lingers;
        if self.is_up() {
            for index in 0..self.wanted {
                self.slots.push(Slot::new(Origin::Start));
                self.fork(index, Place::Current, now);
            }
        }
    }

    /// Someone wants something.
    pub(in crate::server) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Stop => {
                if self.is_up() {
                    self.stop(self.options.default_signal(), None, now);
                }
            }
            Command::Reload => self.reload(),
            Command::Upgrade => {}
            Command::Scale(workers) => self.scale(workers, now),
            Command::Grow => self.scale(self.wanted.saturating_add(1), now),
            Command::Shrink => self.scale(self.wanted.saturating_sub(1), now),
            Command::Inspect => self.inspect(now),
        }
    }

    /// A worker was made.
    pub(in crate::server) fn forked(&mut self, id: WorkerId, pid: u32) {
        if let Some((slot, _)) = self.find(id)
            && let Some(member) = slot.get_mut(id)
        {
            member.pid = pid;
            let index = member.index;
            slot.last_pid = pid;
            self.event(ServerEvent::WorkerStarted { index, pid });
        }
    }

    /// A worker could not be made.
    pub(in crate::server) fn not_forked(&mut self, id: WorkerId, err: ServerError, now: Instant) {
        let Some((slot, place)) = self.find(id) else {
            return;
        };
        let first = slot.origin == Origin::Start && !slot.was_ready;
        let Some(mut member) = slot.take(id) else {
            return;
        };
        if first {
            self.error = Some(err);
            self.stop(self.options.default_signal(), None, now);
        } else {
            let how = How::NotForked(crate::server::error::chain(&err));
            self.fall(&mut member, place, how, now);
        }
    }

    /// A worker has something to say.
    pub(in crate::server) fn report(&mut self, id: WorkerId, report: Report, now: Instant) {
        let up = self.is_up();
        let Some((slot, place)) = self.find(id) else {
            return;
        };
        let Some(member) = slot.get_mut(id) else {
            return;
        };
        match report {
            Report::Ready => {
                member.ready = Some(now);
                if member.told.is_none() {
                    member.limit = None;
                }
                let (index, pid) = (member.index, member.pid);
                slot.was_ready |= place != Place::Leaving;
                self.event(ServerEvent::WorkerReady { index, pid });
                self.alive(id, now);
                self.begin_wear(id, now);
                if place == Place::Successor {
                    self.promote(index, now);
                }
            }
            Report::Asked(signal) => {
                // Where the whole server is stopping, as by Ctrl-C, the worker is or will be told
                // like all others.
                if up && member.told.is_none() {
                    self.asked(id, signal, now);
                }
                self.echoed = Some(now);
                self.forced = None;
            }
            Report::Failed {
                phase,
                panicked,
                text,
            } => {
                let how = if panicked {
                    How::Panicked(text)
                } else {
                    How::Failed(text)
                };
                let Some(failure) = member.fail(phase, how) else {
                    return;
                };
                if up && !self.options.run_to_completion {
                    self.dismiss(id, self.options.default_signal(), Asked::Server, now);
                }
                self.fell(failure, place, now);
            }
            Report::Pong => self.alive(id, now),
            Report::Worn => self.wear(id, RecycleCause::Requests),
            Report::Picture(picture) => {
                self.tree_of_silent(id, &picture.tree, now);
                self.inspected(id, picture);
            }
            Report::Done => member.done(),
        }
    }

    /// A worker process has ended.
    pub(in crate::server) fn ended(
        &mut self,
        id: WorkerId,
        status: io::Result<ExitStatus>,
        now: Instant,
    ) {
        let completion = self.options.run_to_completion;
        let Some((slot, place)) = self.find(id) else {
            return;
        };
        let Some(mut member) = slot.take(id) else {
            return;
        };
        match member.judge(status, completion) {
            Some(failure) => self.fell(failure, place, now),
            None if member.has_failed() => {}
            None => self.event(ServerEvent::WorkerEnded {
                index: member.index,
                pid: member.pid,
            }),
        }
        while self.slots.len() > self.wanted && self.slots.last().is_some_and(Slot::is_empty) {
            self.slots.pop();
        }
    }

    /// Makes what has become due happen. To be called after anything else was told, and when
    /// [`deadline`](Self::deadline) has passed.
    pub(in crate::server) fn advance(&mut self, now: Instant) {
        self.expire(now);
        self.advance_stop(now);
        self.advance_inspection(now);
        if !self.is_up() {
            return;
        }
        for index in 0..self.wanted.min(self.slots.len()) {
            let slot = &mut self.slots[index];
            if slot.retry_at.is_some_and(|at| at <= now) {
                slot.retry_at = None;
                slot.restarts += 1;
                self.fork(index, Place::Current, now);
            }
        }
        self.beat(now);
        self.advance_wear(now);
        self.expire_retired(now);
        self.attend_after.take_if(|at| *at <= now);
        if self.give_way_at.take_if(|at| *at <= now).is_some() {
            return self.command(Command::Stop, now);
        }
        self.roll(now);
        if matches!(self.state, State::Starting) {
            self.begin_running();
        }
    }

    // -- what is to be done

    pub(in crate::server) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`advance`](Self::advance) even if nothing happens.
    pub(in crate::server) fn deadline(&self) -> Option<Instant> {
        let limits = self.members().filter_map(|member| {
            let killed = member.killed.as_ref().map(|(_, at)| *at + KILL_LIMIT);
            let limit = member.limit.as_ref().map(|(until, _)| *until);
            killed.or(limit)
        });
        let always = [self.stop_deadline(), self.inspection_deadline()];
        let first = limits.chain(always.into_iter().flatten()).min();
        if !self.is_up() {
            return first;
        }
        let retries = self.slots.iter().filter_map(|slot| slot.retry_at);
        let while_up = [
            self.pulse_deadline(),
            self.wear_deadline(),
            self.give_way_at,
            self.attend_after,
        ];
        let others = retries.chain(while_up.into_iter().flatten());
        others.chain(first).min()
    }

    /// The indexes that new connections are to go to: those with a worker that serves and stays.
    pub(in crate::server) fn serving(&self) -> Vec<usize> {
        let serves = |slot: &Slot| slot.current.as_ref().is_some_and(Member::is_serving);
        let slots = self.slots.iter().take(self.wanted).enumerate();
        slots
            .filter(|(_, slot)| serves(slot))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether there is nothing left to wait for.
    pub(in crate::server) fn is_over(&self) -> bool {
        (!self.is_up() || self.options.run_to_completion) && self.slots.iter().all(Slot::is_empty)
    }

    /// What came of it: the signal that the main context is told, why the server could not go on
    /// other than through the failure of a worker, and the failures that were not survived.
    pub(in crate::server) fn into_end(self) -> (Signal, Option<ServerError>, Vec<WorkerFailure>) {
        let signal = match self.state.stop() {
            Some(stop) => stop.signal,
            None => self.options.default_signal(),
        };
        (signal, self.error, self.failures)
    }

    // -- workers

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(super) fn event(&mut self, event: ServerEvent) {
        self.act(Action::Event(event));
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.slots.iter().flat_map(Slot::members)
    }

    pub(super) fn serving_members(&self) -> impl Iterator<Item = &Member> {
        self.members().filter(|member| member.is_serving())
    }

    pub(super) fn member(&mut self, id: WorkerId) -> Option<&mut Member> {
        self.member_in_place(id).map(|(_, member)| member)
    }

    pub(super) fn member_in_place(&mut self, id: WorkerId) -> Option<(Place, &mut Member)> {
        let (slot, place) = self.find(id)?;
        slot.get_mut(id).map(|member| (place, member))
    }

    pub(super) fn find(&mut self, id: WorkerId) -> Option<(&mut Slot, Place)> {
        self.slots
            .iter_mut()
            .find_map(|slot| slot.place_of(id).map(|place| (slot, place)))
    }
}

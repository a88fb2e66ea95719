//! The workers, and the extra processes beside them: one plan for each, that stop together.
//!
//! # Numbers
//!
//! The workers that the server starts with have the numbers from 0 on, the extra processes follow,
//! and then come the workers that were added by scaling. Within a plan each counts from 0; what
//! comes out of here has the numbers that users see.
//!
//! # Invariants
//!
//! - T1. Neither plan knows the ids of the other one, so that each may be told what concerns the
//!   other.
//! - T2. When one of the two stops, so does the other. The phases of the server are those of the
//!   workers, whose end the listeners go by.
//! - T3. Reloading, scaling and recycling are for workers only.
//! - T4. Both are looked at at once, and what both have shown is told once.

use std::{io, process::ExitStatus, time::Instant};

use super::{Action, Command, Plan, Random, WorkerId};
use crate::server::{
    ServerError, ServerEvent, ServerStatus, Signal, WorkerFailure, control::Report,
    options::Options,
};

/// Ids of extra processes begin here.
const EXTRA_IDS: u64 = 1 << 63;

#[derive(Debug)]
pub(in crate::server) struct Teams<'a> {
    pub(in crate::server) workers: Plan<'a>,
    extras: Option<Plan<'a>>,
    /// How many workers the server starts with.
    first: usize,
    /// How many extra processes it has.
    extra: usize,
    /// What a look at the one has shown, until the other one has been looked at (T4).
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    workers: Option<ServerStatus>,
    extras: Option<ServerStatus>,
}

impl Seen {
    /// Both, once, when they are there.
    fn both(&mut self) -> Option<ServerStatus> {
        let extras = self.extras.take_if(|_| self.workers.is_some())?;
        let mut status = self.workers.take()?;
        status.add_extras(extras);
        Some(status)
    }
}

impl<'a> Teams<'a> {
    /// `extras` are the options of the extra processes, where there are any.
    pub(in crate::server) fn new(options: &'a Options, extras: &'a Options) -> Self {
        let extra = extras.workers;
        let plan = || Plan::new(extras, Random::from_entropy()).with_ids_from(EXTRA_IDS);
        Self {
            workers: Plan::new(options, Random::from_entropy()),
            extras: (extra > 0).then(plan),
            first: options.workers,
            extra,
            seen: Seen::default(),
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Plan<'a>> {
        [&mut self.workers].into_iter().chain(&mut self.extras)
    }

    /// The number that users see of the worker with this index.
    pub(in crate::server) fn number_of_worker(&self, index: usize) -> usize {
        if index < self.first {
            index
        } else {
            index + self.extra
        }
    }

    /// The number that users see of the extra process with this index.
    pub(in crate::server) fn number_of_extra(&self, index: usize) -> usize {
        self.first + index
    }

    pub(in crate::server) fn start(&mut self, lingers: bool, now: Instant) {
        self.workers.start(lingers, now);
        if let Some(extras) = &mut self.extras {
            extras.start(false, now);
        }
        self.stop_together(now);
    }

    pub(in crate::server) fn stop_signal(&mut self, signal: Signal, now: Instant) {
        self.each().for_each(|plan| plan.stop_signal(signal, now));
    }

    pub(in crate::server) fn command(&mut self, command: Command, now: Instant) {
        match command {
            // One that is under way will do.
            Command::Inspect if self.each().any(|plan| plan.is_inspecting()) => {}
            Command::Inspect => self.each().for_each(|plan| plan.command(command, now)),
            command => self.workers.command(command, now),
        }
        self.stop_together(now);
    }

    pub(in crate::server) fn forked(&mut self, id: WorkerId, pid: u32) {
        self.each().for_each(|plan| plan.forked(id, pid));
    }

    pub(in crate::server) fn not_forked(&mut self, id: WorkerId, err: ServerError, now: Instant) {
        match &mut self.extras {
            Some(extras) if extras.has(id) => extras.not_forked(id, err, now),
            _ => self.workers.not_forked(id, err, now),
        }
        self.stop_together(now);
    }

    pub(in crate::server) fn report(&mut self, id: WorkerId, report: &Report, now: Instant) {
        let echo = matches!(report, Report::Asked(_));
        for plan in self.each() {
            plan.report(id, report.clone(), now);
            if echo {
                plan.heard_echo(now);
            }
        }
        self.stop_together(now);
    }

    pub(in crate::server) fn memory(&mut self, id: WorkerId, bytes: u64) {
        self.workers.memory(id, bytes);
    }

    pub(in crate::server) fn ended(
        &mut self,
        id: WorkerId,
        status: io::Result<ExitStatus>,
        now: Instant,
    ) {
        match &mut self.extras {
            Some(extras) if extras.has(id) => extras.ended(id, status, now),
            _ => self.workers.ended(id, status, now),
        }
        self.stop_together(now);
    }

    pub(in crate::server) fn advance(&mut self, now: Instant) {
        self.each().for_each(|plan| plan.advance(now));
        self.stop_together(now);
    }

    fn stop_together(&mut self, now: Instant) {
        let Some(extras) = &mut self.extras else {
            return;
        };
        match (self.workers.is_up(), extras.is_up()) {
            (true, false) => self.workers.command(Command::Stop, now),
            (false, true) => extras.command(Command::Stop, now),
            _ => {}
        }
    }

    /// What is to be done; an extra process is asked for by [`Action::ForkExtra`].
    pub(in crate::server) fn next_action(&mut self) -> Option<Action> {
        loop {
            match self.next_of_workers() {
                Some(Action::Event(ServerEvent::Inspected { status })) if self.extras.is_some() => {
                    self.seen.workers = Some(status);
                }
                Some(action) => return Some(action),
                None => match self.next_of_extras()? {
                    Action::Event(ServerEvent::Inspected { status }) => {
                        self.seen.extras = Some(status);
                    }
                    action => return Some(action),
                },
            }
            if let Some(status) = self.seen.both() {
                return Some(Action::Event(ServerEvent::Inspected { status }));
            }
        }
    }

    fn next_of_workers(&mut self) -> Option<Action> {
        let mut action = self.workers.next_action()?;
        let (first, extra) = (self.first, self.extra);
        if let Action::Event(event) = &mut action {
            event.renumber(&|index| if index < first { index } else { index + extra });
        }
        Some(action)
    }

    fn next_of_extras(&mut self) -> Option<Action> {
        let (extras, first) = (self.extras.as_mut()?, self.first);
        loop {
            match extras.next_action()? {
                Action::Fork(id, index, _) => return Some(Action::ForkExtra(id, index)),
                Action::ShutDoor | Action::CloseListeners | Action::Phase(_) | Action::Ready(_) => {
                }
                Action::Event(mut event) => {
                    event.renumber(&|index| first + index);
                    return Some(Action::Event(event));
                }
                action => return Some(action),
            }
        }
    }

    pub(in crate::server) fn deadline(&self) -> Option<Instant> {
        let extras = self.extras.as_ref().and_then(Plan::deadline);
        self.workers.deadline().into_iter().chain(extras).min()
    }

    /// Whether the queues of the listeners are being emptied.
    pub(in crate::server) fn is_closing(&self) -> bool {
        self.workers.is_closing() || self.extras.as_ref().is_some_and(Plan::is_closing)
    }

    pub(in crate::server) fn queues_empty(&mut self) {
        self.each().for_each(Plan::queues_empty);
    }

    pub(in crate::server) fn is_over(&self) -> bool {
        self.workers.is_over() && self.extras.as_ref().is_none_or(Plan::is_over)
    }

    pub(in crate::server) fn into_end(self) -> (Signal, Option<ServerError>, Vec<WorkerFailure>) {
        let (first, extra) = (self.first, self.extra);
        let (signal, mut error, mut failures) = self.workers.into_end();
        let worker = |index: usize| if index < first { index } else { index + extra };
        failures
            .iter_mut()
            .for_each(|failure| failure.renumber(&worker));
        if let Some(error) = &mut error {
            error.renumber(&worker);
        }
        if let Some(extras) = self.extras {
            let (_, mut other, mut others) = extras.into_end();
            others
                .iter_mut()
                .for_each(|failure| failure.renumber(&|index| first + index));
            if let Some(other) = &mut other {
                other.renumber(&|index| first + index);
            }
            failures.extend(others);
            error = error.or(other);
        }
        (signal, error, failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::control::{Order, Picture};

    fn do_all(teams: &mut Teams<'_>) -> (Vec<WorkerId>, Vec<ServerStatus>) {
        let (mut asked, mut seen) = (Vec::new(), Vec::new());
        while let Some(action) = teams.next_action() {
            match action {
                Action::Fork(id, ..) | Action::ForkExtra(id, _) => teams.forked(id, 1),
                Action::Tell(id, Order::Picture) => asked.push(id),
                Action::Event(ServerEvent::Inspected { status }) => seen.push(status),
                _ => {}
            }
        }
        (asked, seen)
    }

    /// T4, whoever answers first, and however often it is asked for in between.
    #[test]
    fn teams_are_looked_at_together() {
        let options = Options::default();
        let extras = options.for_extras(1);
        let now = Instant::now();
        let mut teams = Teams::new(&options, &extras);
        teams.start(false, now);
        do_all(&mut teams);
        for turn in [0, 1] {
            teams.command(Command::Inspect, now);
            let (asked, seen) = do_all(&mut teams);
            assert_eq!((asked.len(), seen.len()), (2, 0));
            for at in [turn, 1 - turn] {
                let picture = Picture {
                    requests: 0,
                    connections: 0,
                    tree: at.to_string(),
                };
                teams.report(asked[at], &Report::Picture(picture), now);
                teams.advance(now);
                teams.command(Command::Inspect, now);
                let (asked, seen) = do_all(&mut teams);
                if at == turn {
                    assert_eq!((asked.len(), seen.len()), (0, 0));
                    continue;
                }
                assert_eq!((asked.len(), seen.len()), (2, 1));
                let shown = seen[0].workers().iter();
                let shown: Vec<_> = shown.map(|one| (one.is_extra(), one.tree())).collect();
                assert_eq!(shown, [(false, Some("0")), (true, Some("1"))]);
            }
            // Nobody answers any more; that has a limit.
            let later = teams.deadline().expect("a limit");
            teams.advance(later);
            assert_eq!(do_all(&mut teams).1.len(), 1);
        }
    }
}

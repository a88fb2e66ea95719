//! A made-up world: what a plan asks for is done at once, and processes do what the test says.

use std::{
    collections::{BTreeMap, HashSet},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};

use super::super::{Action, Command, Plan, Random, RestartPolicy, WorkerId, member::Member};
use crate::server::{
    Phase, ServerEvent, WorkerPhase,
    control::{Order, Report},
    options::Options,
};

/// How many workers may have a queue of their own.
pub(super) const QUEUES: usize = 8;
pub(super) const MS: Duration = Duration::from_millis(1);

pub(super) fn options(workers: usize) -> Options {
    Options {
        workers,
        wait_timeout: 1000 * MS,
        ready_timeout: 500 * MS,
        restart: RestartPolicy::new()
            .backoff(10 * MS, 100 * MS)
            .budget(5, 10_000 * MS),
        ..Options::default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) index: usize,
    pub(super) ready: bool,
    pub(super) told: bool,
    pub(super) killed: bool,
    pub(super) halted: bool,
    pub(super) asked: u32,
}

/// The hands and eyes of a plan, and its processes.
pub(super) struct World<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) now: Instant,
    pub(super) alive: BTreeMap<WorkerId, Process>,
    pub(super) forked: u32,
    pub(super) may_fork: bool,
    pub(super) stopping: bool,
    /// The workers' own queues in which something waits.
    pub(super) waiting: HashSet<usize>,
    pub(super) phases: Vec<Phase>,
    pub(super) events: Vec<ServerEvent>,
    pub(super) failed: HashSet<u32>,
}

impl<'a> World<'a> {
    pub(super) fn new(options: &'a Options, lingers: bool) -> Self {
        let mut world = Self {
            plan: Plan::new(options, Random::new(1)),
            now: Instant::now(),
            alive: BTreeMap::new(),
            forked: 0,
            may_fork: true,
            stopping: false,
            waiting: HashSet::new(),
            phases: Vec::new(),
            events: Vec::new(),
            failed: HashSet::new(),
        };
        world.plan.start(lingers, world.now);
        world.settle();
        world
    }

    /// One whose workers are all ready.
    pub(super) fn running(options: &'a Options) -> Self {
        let mut world = Self::new(options, false);
        for id in world.ids() {
            world.ready(id);
        }
        assert_eq!(world.phases, [Phase::Running]);
        world
    }

    pub(super) fn ids(&self) -> Vec<WorkerId> {
        self.alive.keys().copied().collect()
    }

    /// The newest process of an index.
    pub(super) fn newest(&self, index: usize) -> WorkerId {
        let of_index = self.alive.iter().filter(|(_, p)| p.index == index);
        *of_index
            .map(|(id, _)| id)
            .next_back()
            .expect("one of this index")
    }

    pub(super) fn settle(&mut self) {
        loop {
            self.plan.advance(self.now);
            if self.plan.is_closing() {
                self.plan.queues_empty();
            }
            for index in self.plan.due_to_retire(self.now) {
                if !self.waiting.contains(&index) {
                    self.plan.retire(index, self.now);
                }
            }
            for index in self.plan.unattended(QUEUES) {
                if self.waiting.contains(&index) {
                    self.plan.attend(index, self.now);
                }
            }
            let mut idle = true;
            while let Some(action) = self.plan.next_action() {
                idle = false;
                self.perform(action);
            }
            self.check();
            if idle {
                // Else the parent would never wait.
                let due = self.plan.deadline().is_some_and(|at| at <= self.now);
                assert!(
                    !due || self.plan.is_over(),
                    "what is due is done: {:#?}",
                    self.plan
                );
                return;
            }
        }
    }

    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Fork(id, index, _) => {
                assert!(!self.stopping, "S3: a fork during a stop");
                if self.may_fork {
                    self.forked += 1;
                    let before = self.alive.insert(
                        id,
                        Process {
                            index,
                            ..Process::default()
                        },
                    );
                    assert!(before.is_none(), "an id was used twice");
                    self.plan.forked(id, self.forked);
                } else {
                    let err = crate::ServerError::system("fork", std::io::Error::other("full"));
                    self.plan.not_forked(id, err, self.now);
                }
            }
            Action::Tell(id, Order::Stop(_)) => {
                if let Some(process) = self.alive.get_mut(&id) {
                    assert!(!process.told, "I1: told twice");
                    process.told = true;
                }
            }
            Action::Tell(id, Order::Ping | Order::Picture) => {
                if let Some(process) = self.alive.get_mut(&id) {
                    process.asked += 1;
                }
            }
            Action::Kill(id) => {
                let process = self
                    .alive
                    .get_mut(&id)
                    .expect("only what is there is killed");
                assert!(!process.killed, "killed twice");
                process.killed = true;
            }
            Action::Abandon(id) => drop(self.alive.remove(&id)),
            Action::ForkExtra(..) => unreachable!("it comes of two plans together"),
            Action::Terminate(_) | Action::CloseListeners | Action::Ready(_) => {}
            Action::Measure(id) => self.plan.memory(id, 1),
            Action::ShutDoor => {
                assert!(!self.stopping, "stopped twice");
                self.stopping = true;
            }
            Action::Phase(phase) => {
                assert!(self.phases.iter().all(|before| *before < phase));
                self.phases.push(phase);
            }
            Action::Event(event) => {
                if let ServerEvent::WorkerFailed { failure, .. } = &event
                    && failure.pid() != 0
                {
                    assert!(
                        self.failed.insert(failure.pid()),
                        "I2: {failure} told twice"
                    );
                }
                self.events.push(event);
            }
        }
    }

    pub(super) fn check(&self) {
        let plan = &self.plan;
        let members: HashSet<_> = plan.members().map(|member| member.id).collect();
        let alive: HashSet<_> = self.alive.keys().copied().collect();
        assert_eq!(members, alive, "the plan knows who is there");
        let successors = plan.slots.iter().filter(|slot| slot.successor.is_some());
        assert!(successors.count() <= 1, "I5");
        for (index, slot) in plan.slots.iter().enumerate() {
            let has_current = slot.current.is_some();
            if slot.retire_at.is_some() {
                assert!(plan.lingers && index >= plan.wanted && plan.is_up());
            } else if index >= plan.wanted && plan.is_up() {
                assert!(!has_current && slot.successor.is_none() && slot.retry_at.is_none());
            } else if plan.is_up() {
                let ways = [has_current, slot.retry_at.is_some(), slot.given_up];
                assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{slot:#?}");
            }
            assert!(slot.members().all(|member| member.index == index));
        }
        let bounded = |member: &Member| {
            member.is_serving() || member.limit.is_some() || member.killed.is_some()
        };
        if plan.is_up() {
            assert!(plan.members().all(bounded), "I4: {plan:#?}");
        } else if !alive.is_empty() {
            assert!(plan.deadline().is_some(), "G7");
        }
    }

    // -- what processes do

    pub(super) fn ready(&mut self, id: WorkerId) {
        if let Some(process) = self.alive.get_mut(&id) {
            process.ready = true;
            self.waiting.remove(&process.index);
            self.plan.report(id, Report::Ready, self.now);
            self.settle();
        }
    }

    pub(super) fn fail(&mut self, id: WorkerId) {
        let phase = match self.alive.get(&id) {
            Some(process) if process.ready => WorkerPhase::Shutdown,
            _ => WorkerPhase::Initialization,
        };
        let report = Report::Failed {
            phase,
            panicked: false,
            text: "boom".into(),
        };
        self.plan.report(id, report, self.now);
        self.settle();
    }

    pub(super) fn die(&mut self, id: WorkerId, signal: i32) {
        if self.alive.remove(&id).is_some() {
            self.plan
                .ended(id, Ok(ExitStatus::from_raw(signal)), self.now);
            self.settle();
        }
    }

    pub(super) fn end(&mut self, id: WorkerId) {
        self.plan.report(id, Report::Done, self.now);
        self.die(id, 0);
    }

    pub(super) fn answer(&mut self, id: WorkerId) {
        self.plan.report(id, Report::Pong, self.now);
        self.settle();
    }

    pub(super) fn command(&mut self, command: Command) {
        self.plan.command(command, self.now);
        self.settle();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    /// Lets time pass up to what is due next.
    pub(super) fn wait(&mut self) {
        if let Some(deadline) = self.plan.deadline() {
            self.now = self.now.max(deadline);
            self.settle();
        }
    }

    pub(super) fn count(&self, is: impl Fn(&ServerEvent) -> bool) -> usize {
        self.events.iter().filter(|event| is(event)).count()
    }
}

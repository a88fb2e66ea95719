//! The plan, in a made-up world: its processes start, serve, fail, hang and die by chance, in made-up time, and it is
//! asked for anything at any moment.

use std::{
    collections::{BTreeMap, HashSet},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};

use super::{Action, Command, Plan, Random, RestartPolicy, WorkerId, slot::Slot};
use crate::server::{
    Phase, RecycleCause, ServerEvent, Signal, WorkerPhase,
    control::{Order, Picture, Report},
    options::Options,
};

/// How many workers may have a queue of their own.
const QUEUES: usize = 8;
const MS: Duration = Duration::from_millis(1);

fn options(workers: usize) -> Options {
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
struct Process {
    index: usize,
    ready: bool,
    told: bool,
    killed: bool,
    halted: bool,
    asked: u32,
}

/// The hands and eyes of a plan, and its processes.
struct World<'a> {
    plan: Plan<'a>,
    now: Instant,
    alive: BTreeMap<WorkerId, Process>,
    forked: u32,
    may_fork: bool,
    stopping: bool,
    /// The workers' own queues in which something waits.
    waiting: HashSet<usize>,
    phases: Vec<Phase>,
    events: Vec<ServerEvent>,
    failed: HashSet<u32>,
}

impl<'a> World<'a> {
    fn new(options: &'a Options, lingers: bool) -> Self {
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
    fn running(options: &'a Options) -> Self {
        let mut world = Self::new(options, false);
        for id in world.ids() {
            world.ready(id);
        }
        assert_eq!(world.phases, [Phase::Running]);
        world
    }

    fn ids(&self) -> Vec<WorkerId> {
        self.alive.keys().copied().collect()
    }

    /// The newest process of an index.
    fn newest(&self, index: usize) -> WorkerId {
        let of_index = self.alive.iter().filter(|(_, p)| p.index == index);
        *of_index
            .map(|(id, _)| id)
            .next_back()
            .expect("one of this index")
    }

    fn settle(&mut self) {
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

    fn perform(&mut self, action: Action) {
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

    fn check(&self) {
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
        let bounded = |member: &super::member::Member| {
            member.is_serving() || member.limit.is_some() || member.killed.is_some()
        };
        if plan.is_up() {
            assert!(plan.members().all(bounded), "I4: {plan:#?}");
        } else if !alive.is_empty() {
            assert!(plan.deadline().is_some(), "G7");
        }
    }

    // -- what processes do

    fn ready(&mut self, id: WorkerId) {
        if let Some(process) = self.alive.get_mut(&id) {
            process.ready = true;
            self.waiting.remove(&process.index);
            self.plan.report(id, Report::Ready, self.now);
            self.settle();
        }
    }

    fn fail(&mut self, id: WorkerId) {
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

    fn die(&mut self, id: WorkerId, signal: i32) {
        if self.alive.remove(&id).is_some() {
            self.plan
                .ended(id, Ok(ExitStatus::from_raw(signal)), self.now);
            self.settle();
        }
    }

    fn end(&mut self, id: WorkerId) {
        self.plan.report(id, Report::Done, self.now);
        self.die(id, 0);
    }

    fn answer(&mut self, id: WorkerId) {
        self.plan.report(id, Report::Pong, self.now);
        self.settle();
    }

    fn command(&mut self, command: Command) {
        self.plan.command(command, self.now);
        self.settle();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    /// Lets time pass up to what is due next.
    fn wait(&mut self) {
        if let Some(deadline) = self.plan.deadline() {
            self.now = self.now.max(deadline);
            self.settle();
        }
    }

    fn count(&self, is: impl Fn(&ServerEvent) -> bool) -> usize {
        self.events.iter().filter(|event| is(event)).count()
    }
}

/// `SUPERVISION_SEEDS` says how many lives of a server are tried.
#[test]
fn plan_survives_anything() {
    let seeds = std::env::var("SUPERVISION_SEEDS").map_or(500, |n| n.parse().expect("a number"));
    for seed in 0..seeds {
        chaos(seed);
    }
}

fn chaos(seed: u64) {
    let mut random = Random::new(seed);
    let mut chance = |of: u64| random.next() % of;
    let mut options = options(1 + chance(4) as usize);
    if chance(2) == 0 {
        options.heartbeat = Some((20 * MS, 50 * MS));
    }
    if chance(2) == 0 {
        options.max_age = Some(300 * MS);
        options.max_memory = Some(0);
    }
    if chance(8) == 0 {
        options.restart = RestartPolicy::never();
    }
    options.ignore_failures = chance(8) == 0;
    let mut world = World::new(&options, chance(4) == 0);
    for _ in 0..chance(400) {
        let ids = world.ids();
        let someone = ids.get(chance(ids.len().max(1) as u64) as usize).copied();
        world.may_fork = chance(30) != 0;
        match (chance(24), someone) {
            (0, _) => world.command(Command::Reload),
            (1, _) => world.command(Command::Grow),
            (2, _) => world.command(Command::Shrink),
            (3, _) => world.command(Command::Scale(chance(6) as usize)),
            (4, _) => world.command(Command::Inspect),
            (5, _) if chance(20) == 0 => world.command(Command::Stop),
            (5, _) if chance(10) == 0 => {
                world.plan.stop_signal(Signal::TERM, world.now);
                world.settle();
            }
            (5, _) if chance(20) == 0 => {
                world.plan.give_way(world.plan.lingers, world.now);
                world.settle();
            }
            (5, _) if world.plan.lingers => {
                world.waiting.insert(chance(QUEUES as u64) as usize);
                world.settle();
            }
            (6..9, _) => world.wait(),
            (9, _) => world.pass(MS * chance(600) as u32),
            (10, Some(id)) if chance(3) == 0 => world.die(id, 9),
            (11, Some(id)) if chance(3) == 0 => world.fail(id),
            (12, Some(id)) if chance(3) == 0 => {
                let asked = Report::Asked(Signal::INT);
                world.plan.report(id, asked, world.now);
                world.settle();
            }
            (13, Some(id)) => world.alive.get_mut(&id).unwrap().halted = true,
            (14, Some(id)) => {
                let picture = Picture {
                    requests: 0,
                    connections: 0,
                    tree: String::new(),
                };
                world.plan.report(id, Report::Picture(picture), world.now);
                world.settle();
            }
            (15, Some(id)) => {
                world.plan.report(id, Report::Worn, world.now);
                world.settle();
            }
            (16, Some(id)) => world.answer(id),
            (_, Some(id)) => {
                let process = &world.alive[&id];
                match (process.killed, process.told, process.ready) {
                    (true, ..) => world.die(id, 9),
                    _ if process.halted => {}
                    (_, true, _) => world.end(id),
                    (_, _, false) => world.ready(id),
                    _ => world.answer(id),
                }
            }
            (_, None) => world.wait(),
        }
        if world.plan.is_over() {
            break;
        }
    }
    // G7: whatever the processes do, it ends. Those that do nothing are killed, and those that SIGKILL does not end
    // are given up.
    world.command(Command::Stop);
    let limit = world.now + options.wait_timeout + super::KILL_LIMIT + MS;
    while !world.plan.is_over() {
        world.wait();
        assert!(world.now <= limit, "seed {seed}: {:#?}", world.plan);
    }
    assert!(world.alive.is_empty());
}

#[test]
fn plan_respawns_after_the_wait() {
    let options = options(2);
    let mut world = World::running(&options);
    world.die(world.newest(1), 9);
    assert_eq!(world.alive.len(), 1);
    world.pass(9 * MS);
    assert_eq!(world.alive.len(), 1);
    world.pass(4 * MS);
    assert_eq!(world.alive[&world.newest(1)].index, 1);
    world.ready(world.newest(1));
    assert_eq!(world.plan.deadline(), None, "nothing is left to wait for");
}

#[test]
fn plan_stops_when_the_budget_is_used_up() {
    let options = options(2);
    let mut world = World::running(&options);
    for _ in 0..5 {
        world.die(world.newest(1), 9);
        world.wait();
        world.ready(world.newest(1));
    }
    assert!(!world.stopping);
    world.die(world.newest(1), 11);
    assert!(world.stopping);
    let text = world.plan.error.as_ref().unwrap().to_string();
    assert_eq!(
        text,
        "worker 1 failed 6 times within 10s, and its restart budget is used up: \
         worker 1 was killed by SIGSEGV while serving"
    );
}

#[test]
fn plan_reload_tells_the_old_one_when_the_new_one_is_ready() {
    let options = options(2);
    let mut world = World::running(&options);
    let old = world.ids();
    world.command(Command::Reload);
    for (index, old) in old.into_iter().enumerate() {
        assert!(!world.alive[&old].told);
        world.ready(world.newest(index));
        assert!(world.alive[&old].told);
        assert_eq!(
            world.alive.len(),
            3,
            "the next one waits for the end of this one"
        );
        world.end(old);
    }
    assert_eq!(world.count(|event| *event == ServerEvent::ReloadDone), 1);
    assert_eq!(world.alive.len(), 2);
}

#[test]
fn plan_reload_gives_up_on_a_new_one_that_is_not_ready_in_time() {
    let options = options(2);
    let mut world = World::running(&options);
    let old = world.ids();
    world.command(Command::Reload);
    let new = world.newest(0);
    world.pass(499 * MS);
    assert!(!world.alive[&new].told);
    world.pass(MS);
    assert!(world.alive[&new].told && !world.alive[&old[0]].told);
    assert_eq!(
        world.count(|event| matches!(event, ServerEvent::ReloadFailed { .. })),
        1
    );
    world.pass(1000 * MS);
    assert!(world.alive[&new].killed);
    world.die(new, 9);
    assert_eq!(world.ids(), old);
}

#[test]
fn plan_reload_waits_until_all_serve() {
    let options = options(2);
    let mut world = World::running(&options);
    world.die(world.newest(1), 9);
    world.command(Command::Reload);
    assert_eq!(world.alive.len(), 1);
    world.wait();
    assert_eq!(world.alive.len(), 2, "the respawn, and no successor");
    world.ready(world.newest(1));
    assert_eq!(world.alive.len(), 3);
}

#[test]
fn plan_recycles_one_at_a_time() {
    let mut options = options(3);
    options.max_age = Some(1000 * MS);
    let mut world = World::running(&options);
    world.pass(1250 * MS);
    let recycled = |event: &ServerEvent| {
        matches!(
            event,
            ServerEvent::Recycle {
                cause: RecycleCause::Age,
                ..
            }
        )
    };
    assert_eq!(world.count(recycled), 3);
    assert_eq!(world.alive.len(), 4);
}

#[test]
fn plan_scale_down_during_a_reload_takes_the_successor_too() {
    let options = options(2);
    let mut world = World::running(&options);
    world.command(Command::Reload);
    let first = world.ids()[0];
    world.ready(world.newest(0));
    world.end(first);
    // The second one's turn.
    assert_eq!(world.alive.len(), 3);
    world.command(Command::Scale(1));
    let told = world.alive.values().filter(|process| process.told);
    assert_eq!(told.count(), 2);
    for id in world.ids() {
        if world.alive[&id].told {
            world.end(id);
        }
    }
    assert_eq!(world.count(|event| *event == ServerEvent::ReloadDone), 1);
    assert!(world.plan.slots.iter().all(Slot::is_ready));
}

#[test]
fn plan_attends_to_what_comes_too_late() {
    let options = options(2);
    let mut world = World::new(&options, true);
    for id in world.ids() {
        world.ready(id);
    }
    world.command(Command::Scale(1));
    world.pass(4_000 * MS);
    let last = world.newest(1);
    world.end(last);
    assert_eq!(world.plan.deadline(), None);
    // The handshake of a connection ends only now.
    world.waiting.insert(1);
    world.settle();
    let late = world.newest(1);
    assert_eq!(world.plan.serving(), [0], "nobody else is sent there");
    // One that fails is not tried again at once.
    world.fail(late);
    world.end(late);
    assert_eq!(world.ids().len(), 1);
    world.wait();
    let late = world.newest(1);
    assert!(!world.alive[&late].told);
    world.ready(late);
    assert!(world.alive[&late].told, "it has served what waited");
    world.end(late);
    world.wait();
    assert_eq!((world.ids().len(), world.plan.deadline()), (1, None));
}

#[test]
fn plan_that_is_idle_has_nothing_to_wait_for() {
    let options = options(4);
    assert_eq!(World::running(&options).plan.deadline(), None);
}

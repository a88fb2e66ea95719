//! The plan, in a made-up world: its processes start, serve, fail, hang and die by chance, in made-up time, and it is
//! asked for anything at any moment.

mod world;

use self::world::{MS, QUEUES, World, options};
use super::{Command, Random, RestartPolicy, slot::Slot};
use crate::server::{
    RecycleCause, ServerEvent, Signal,
    control::{Picture, Report},
};

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

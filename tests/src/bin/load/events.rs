//! The load, and what happens meanwhile.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{self, Shared},
    idle::Halted,
    random::Random,
    server::{Design, Server},
    tally::Tally,
};

pub(crate) struct Settings {
    design: Design,
    seconds: u64,
    clients: usize,
    keep_alive: usize,
    workers: usize,
    work_us: u64,
    kill: Kill,
    seed: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kill {
    Idle,
    Any,
    None,
}

impl Settings {
    pub(crate) fn new(args: &[String]) -> Self {
        let text = |key: &str| {
            let given = |arg: &String| Some(arg.strip_prefix(key)?.strip_prefix('=')?.to_owned());
            args.iter().find_map(given)
        };
        let number =
            |key, default| text(key).map_or(default, |text| text.parse().expect("a number"));
        let size = |key, default| usize::try_from(number(key, default)).expect("a small number");
        Self {
            design: match args.first().map(String::as_str) {
                Some("plain") => Design::Plain,
                Some("queues") => Design::Queues,
                _ => Design::Shared,
            },
            seconds: number("seconds", 4),
            clients: size("clients", 24),
            keep_alive: size("keep_alive", 8),
            workers: size("workers", 4),
            work_us: number("work_us", 100),
            kill: match text("kill").as_deref() {
                None | Some("idle") => Kill::Idle,
                Some("any") => Kill::Any,
                Some("none") => Kill::None,
                Some(other) => panic!("no kill={other}"),
            },
            seed: number("seed", 1),
        }
    }
}

/// What has come of it.
pub(crate) struct Report {
    shared: Arc<Shared>,
    events: Events,
    ended_well: bool,
    strange: Vec<String>,
    time: Duration,
}

#[derive(Default)]
struct Events {
    reloads: usize,
    upgrades: usize,
    kills: usize,
    /// Connections that workers had in their hands when they were killed.
    in_hands: usize,
    /// Workers that were to be killed, and were let go as they were not idle.
    spared: usize,
    scalings: usize,
}

pub(crate) fn run(settings: &Settings) -> Report {
    let mut server = Server::start(settings.design, settings.workers, settings.work_us);
    let shared = Arc::new(Shared {
        addr: server.addr,
        tally: Tally::default(),
        over: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut clients = Vec::new();
    for client in 0..settings.clients {
        clients.push(runtime.spawn(client::short(Arc::clone(&shared), client)));
    }
    for client in settings.clients..settings.clients + settings.keep_alive {
        clients.push(runtime.spawn(client::kept(Arc::clone(&shared), client)));
    }

    let began = Instant::now();
    let until = began + Duration::from_secs(settings.seconds);
    let mut random = Random::new(settings.seed);
    let mut events = Events::default();
    let mut workers = settings.workers;
    // Each once, at least.
    let mut round = 0;
    while round < 5 || Instant::now() < until {
        let next = if round < 5 { round } else { random.below(10) };
        round += 1;
        match next {
            4 | 9 => {
                assert!(
                    server.upgrade(settings.workers),
                    "an upgrade failed: {:?}",
                    server.strange()
                );
                if server.is_supervised() {
                    workers = settings.workers;
                    events.upgrades += 1;
                }
            }
            0 | 5 | 6 => {
                let reload = server.reload();
                // Half of them while workers die, as well.
                if next == 5 && server.is_supervised() {
                    for _ in 0..3 {
                        pause(Duration::from_millis(random.below(20) as u64));
                        events.kill(&server, settings.kill, &mut random);
                    }
                }
                let done = server.reloaded(&reload, workers);
                assert!(done, "a reload failed: {:?}", server.strange());
                events.reloads += 1;
            }
            2 if workers < settings.workers + 2 => {
                workers += 1;
                server.scale(true, workers);
                events.scalings += 1;
            }
            3 if workers > 2 => {
                workers -= 1;
                server.scale(false, workers);
                events.scalings += 1;
            }
            _ => {
                if let Some(pid) = events.kill(&server, settings.kill, &mut random) {
                    server.killed(pid, workers);
                }
            }
        }
        pause(Duration::from_millis(random.below(30) as u64));
    }

    // The clients go on through the final stop.
    shared.stopping.store(true, Ordering::Relaxed);
    let stopper = thread::spawn(move || {
        let ended_well = server.stop();
        (ended_well, server.strange())
    });
    let (ended_well, strange) = stopper.join().expect("no panic");
    shared.over.store(true, Ordering::Relaxed);
    let time = began.elapsed();
    runtime.block_on(async {
        for client in clients {
            client.await.expect("no panic");
        }
    });
    Report {
        shared,
        events,
        ended_well,
        strange,
        time,
    }
}

impl Events {
    /// Kills a worker, if one can be found that may be.
    fn kill(&mut self, server: &Server, kill: Kill, random: &mut Random) -> Option<i32> {
        if kill == Kill::None {
            return None;
        }
        for _ in 0..200 {
            let pids = server.workers();
            let pid = *pids.get(random.below(pids.len()))?;
            let Some(halted) = Halted::new(pid) else {
                continue;
            };
            let in_hands = halted.in_hands(server.books());
            match in_hands {
                Some(in_hands) if in_hands == 0 || kill == Kill::Any => {
                    halted.kill();
                    self.kills += 1;
                    self.in_hands += in_hands;
                    return Some(pid);
                }
                _ => self.spared += 1,
            }
            drop(halted);
            pause(Duration::from_micros(300));
        }
        None
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own")]
fn pause(time: Duration) {
    thread::sleep(time);
}

impl Report {
    pub(crate) fn is_good(&self) -> bool {
        let lost = usize::try_from(self.shared.tally.lost()).unwrap_or(usize::MAX);
        self.ended_well
            && self.strange.is_empty()
            && lost <= self.events.in_hands
            && self.shared.tally.answered() > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Events {
            reloads,
            upgrades,
            kills,
            in_hands,
            spared,
            scalings,
        } = self.events;
        writeln!(
            f,
            "{:.1} s with {reloads} reloads, {upgrades} upgrades, {scalings} scalings, {kills} times kill -9, and a stop",
            self.time.as_secs_f64()
        )?;
        writeln!(
            f,
            "             {in_hands} connections in the hands of those killed; {spared} times a worker was spared as it was not idle"
        )?;
        write!(f, "{}", self.shared.tally)?;
        if !self.ended_well {
            write!(f, "\nthe server did not end well")?;
        }
        for line in &self.strange {
            write!(f, "\nunexpected: {line}")?;
        }
        Ok(())
    }
}

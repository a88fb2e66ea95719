//! The server as those outside see it: the service manager that started it, the people who run it,
//! and the server that takes its place.

use std::{
    io,
    os::fd::BorrowedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::poll::PollFlags;

use super::{
    Phase, ServerError, ServerEvent, ServerStatus, WorkerStatus,
    control_socket::{self, ClientId, ControlSocket, Request},
    error::Kind,
    inherited::Inherited,
    json::Json,
    listeners::Listeners,
    notify::Notifier,
    options::Options,
    signal_queue::SignalQueue,
    supervision::Command,
    trust,
    upgrade::{Luggage, Outcome, Predecessor, Successor},
};

/// What the parent has to do with the outside. Part of the parent only: a forked worker
/// [leaves](Self::leave) it at once.
#[derive(Debug)]
pub(super) struct Service {
    notifier: Notifier,
    control: Option<ControlSocket>,
    /// Those who wait for the next look into the workers, and whether they want the trees.
    curious: Vec<(ClientId, bool)>,
    phase: Phase,
    workers: usize,
    wait_timeout: Duration,
    /// The program to upgrade to.
    program: io::Result<PathBuf>,
    upgrade_timeout: Duration,
    upgrade: Option<Upgrade>,
    /// Until the sockets are ours.
    predecessor: Option<Predecessor>,
    /// Another server has the sockets.
    replaced: bool,
    look_is_logged: bool,
}

#[derive(Debug)]
struct Upgrade {
    successor: Successor,
    /// The client that asked for it.
    asked: Option<ClientId>,
    /// What it was given, in that order.
    given: Vec<Given>,
}

/// A socket that was given to another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    /// One of those of this listener.
    Listener(usize),
    Control,
}

impl Upgrade {
    /// What of it stays here: that of which the other server has no use for any socket.
    fn left(&self, unwanted: &[u16]) -> Vec<Given> {
        let given = (0..).zip(&self.given);
        let taken = given.filter(|(number, _)| !unwanted.contains(number));
        let taken: Vec<_> = taken.map(|(_, given)| given).collect();
        let left = self.given.iter().filter(|given| !taken.contains(given));
        left.copied().collect()
    }
}

/// What the parent is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    Obey(Command),
    Upgrade(ClientId),
    Tell(ServerEvent),
    /// The sockets are ours.
    TakeOver,
    /// They are someone else's, apart from those of these listeners.
    Leave(Vec<usize>),
}

impl Service {
    pub(super) fn new(options: &Options, inherited: &mut Inherited) -> Result<Self, ServerError> {
        let predecessor = Predecessor::take()
            .map_err(|err| ServerError::system("take over from the server before", err))?;
        let bind = |path: &PathBuf| {
            ControlSocket::bind(path, inherited).map_err(|source| {
                let what = path.display().to_string();
                ServerError::new(Kind::Bind { what, source })
            })
        };
        let control = options.control_socket.as_ref().map(bind).transpose()?;
        Ok(Self {
            notifier: Notifier::take(),
            control,
            curious: Vec::new(),
            phase: Phase::Bound,
            workers: options.workers,
            wait_timeout: options.wait_timeout,
            // Before the file is replaced, when it still has its name.
            program: match &options.upgrade_to {
                Some(path) => Ok(path.clone()),
                None => std::env::current_exe(),
            },
            upgrade_timeout: options.upgrade_timeout,
            upgrade: None,
            predecessor,
            replaced: false,
            look_is_logged: false,
        })
    }

    /// These of the sockets that were passed are of no use to this server.
    pub(super) fn has_no_use_for(&mut self, numbers: impl Iterator<Item = u16>) {
        if let Some(predecessor) = &mut self.predecessor {
            predecessor.leave(numbers);
        }
    }

    /// In a forked worker.
    pub(super) fn leave(mut self) {
        if let Some(control) = &mut self.control {
            control.hand_over();
        }
        if let Some(upgrade) = self.upgrade.take() {
            upgrade.successor.forget();
        }
    }

    /// Whether the sockets belong to this server.
    pub(super) fn has_sockets(&self) -> bool {
        self.predecessor.is_none()
    }

    /// Whether another server is about to take the place of this one, or this one that of another.
    /// In between the number of workers must stay as it is: sockets that were made for more of them
    /// would not be the other one's.
    pub(super) fn is_changing_hands(&self) -> bool {
        self.upgrade.is_some() || self.replaced || !self.has_sockets()
    }

    /// Whether there is nothing left to wait for.
    pub(super) fn is_over(&self) -> bool {
        self.upgrade.is_none()
    }

    // -- the service manager

    /// Whom to tell how the server is: nobody, as long as another server is the service.
    fn manager(&self) -> Option<&Notifier> {
        self.has_sockets().then_some(&self.notifier)
    }

    /// A phase has begun.
    pub(super) fn phase(&mut self, phase: Phase) {
        self.phase = phase;
        match phase {
            Phase::Running => {
                if let Some(predecessor) = &mut self.predecessor {
                    predecessor.tell_ready();
                }
            }
            Phase::Stopping => {
                if let Some(upgrade) = &mut self.upgrade {
                    upgrade
                        .successor
                        .end("the server is stopping", self.wait_timeout);
                }
            }
            _ => {}
        }
        let Some(manager) = self.manager() else {
            return;
        };
        match phase {
            Phase::Bound | Phase::Ended => {}
            Phase::Starting => manager.status("starting the workers"),
            Phase::Running => manager.ready(&self.serving()),
            Phase::Stopping => manager.stopping(&format!(
                "stopping; the workers have {:?} to finish",
                self.wait_timeout
            )),
            Phase::Killing => manager.status("killing what did not stop"),
        }
    }

    /// Someone other than a client of the control socket wants something.
    pub(super) fn commanded(&mut self, command: Command) {
        self.look_is_logged |= command == Command::Inspect;
    }

    /// Something has happened. The result is whether it belongs in the log: what the clients of the
    /// control socket look at does not.
    pub(super) fn event(&mut self, event: &ServerEvent) -> bool {
        let is_look = matches!(event, ServerEvent::Inspected { .. });
        self.spread(event);
        !is_look || std::mem::take(&mut self.look_is_logged)
    }

    fn spread(&mut self, event: &ServerEvent) {
        if let ServerEvent::Scaled { workers } = event {
            self.workers = *workers;
        }
        if let ServerEvent::Inspected { status } = event {
            self.show(status);
        }
        let Some(manager) = self.manager() else {
            return;
        };
        match event {
            ServerEvent::ReloadStarted => manager.reloading("replacing the workers"),
            ServerEvent::ReloadDone => manager.ready(&self.serving()),
            ServerEvent::ReloadFailed { failure } => manager.ready(&format!(
                "{}; the last reload failed: {failure}",
                self.serving()
            )),
            ServerEvent::Scaled { .. } => manager.status(&self.serving()),
            ServerEvent::UpgradeStarted { pid } => {
                manager.reloading(&format!("upgrading; process {pid} is starting"));
            }
            ServerEvent::UpgradeFailed { reason } => {
                manager.ready(&format!(
                    "{}; the last upgrade failed: {reason}",
                    self.serving()
                ));
            }
            _ => {}
        }
    }

    fn serving(&self) -> String {
        match self.workers {
            1 => "1 worker serves".to_owned(),
            workers => format!("{workers} workers serve"),
        }
    }

    // -- the loop

    /// What to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        // Before that, the old server reads from the same socket.
        let control = self.control.iter().filter(|_| self.has_sockets());
        let upgrade = self.upgrade.iter();
        let others = upgrade
            .flat_map(|upgrade| upgrade.successor.fds())
            .chain(self.predecessor.as_ref().map(Predecessor::fd));
        control
            .flat_map(ControlSocket::fds)
            .chain(others.map(|fd| (fd, PollFlags::POLLIN)))
    }

    /// When to call [`turn`](Self::turn) even if nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.has_sockets() {
            return None;
        }
        let upgrade = self.upgrade.as_ref();
        let upgrade = upgrade.map(|upgrade| upgrade.successor.deadline());
        [self.notifier.due(), upgrade].into_iter().flatten().min()
    }

    /// Sees to all who are outside.
    pub(super) fn turn(&mut self, now: Instant) -> Vec<Task> {
        let mut tasks = Vec::new();
        if let Some(predecessor) = &mut self.predecessor
            && predecessor.has_left()
        {
            self.predecessor = None;
            if let Some(control) = &mut self.control {
                control.take_over();
            }
            if self.phase == Phase::Running {
                self.notifier.ready(&self.serving());
            }
            tasks.push(Task::TakeOver);
        }
        if !self.has_sockets() {
            return tasks;
        }
        self.notifier.tick(now);
        let asked = self
            .control
            .as_mut()
            .map_or_else(Vec::new, ControlSocket::turn);
        for (client, request) in asked {
            tasks.extend(self.asked(client, request));
        }
        tasks.extend(self.advance_upgrade(now));
        tasks
    }

    // -- the people who run it

    fn asked(&mut self, client: ClientId, request: Request) -> Option<Task> {
        let command = match request {
            Request::Status | Request::Tree => {
                self.curious.push((client, request == Request::Tree));
                return Some(Task::Obey(Command::Inspect));
            }
            Request::Upgrade => return Some(Task::Upgrade(client)),
            Request::Reload => Command::Reload,
            Request::Scale(workers) => Command::Scale(workers),
            Request::Stop => Command::Stop,
        };
        let refusal = match (command, self.phase) {
            (Command::Scale(_), _) if self.is_changing_hands() => Some("an upgrade is under way"),
            (Command::Stop, _) | (_, Phase::Starting | Phase::Running) => None,
            _ => Some("the server is stopping"),
        };
        let answer = refusal.map_or_else(control_socket::accepted, control_socket::error);
        self.answer(client, &answer);
        refusal.is_none().then_some(Task::Obey(command))
    }

    fn answer(&mut self, client: ClientId, answer: &Json) {
        if let Some(control) = &mut self.control {
            control.answer(client, answer);
        }
    }

    fn show(&mut self, status: &ServerStatus) {
        for (client, with_trees) in std::mem::take(&mut self.curious) {
            let answer = describe(status, self.phase, with_trees);
            self.answer(client, &answer);
        }
    }

    // -- the server that takes its place

    /// Starts an upgrade; what comes of it is told later.
    pub(super) fn begin_upgrade(
        &mut self,
        asked: Option<ClientId>,
        listeners: &Listeners,
        queue: &SignalQueue,
    ) -> ServerEvent {
        match self.start_successor(listeners, queue) {
            Ok((successor, given)) => {
                let pid = successor.pid();
                self.upgrade = Some(Upgrade {
                    successor,
                    asked,
                    given,
                });
                ServerEvent::UpgradeStarted { pid }
            }
            Err(err) => {
                let reason = err.to_string();
                if let Some(client) = asked {
                    self.answer(client, &control_socket::error(reason.as_str()));
                }
                ServerEvent::UpgradeFailed { reason }
            }
        }
    }

    fn start_successor(
        &self,
        listeners: &Listeners,
        queue: &SignalQueue,
    ) -> io::Result<(Successor, Vec<Given>)> {
        let refuse = |why: &str| Err(io::Error::other(why));
        if self.upgrade.is_some() {
            return refuse("an upgrade is under way");
        }
        if self.phase != Phase::Running || !self.has_sockets() || self.replaced {
            return refuse("the server is starting or stopping");
        }
        if std::process::id() == 1 {
            return refuse(
                "the server is process 1, whose end is that of all processes here: run it below an init process, such as tini",
            );
        }
        let program = match &self.program {
            Ok(path) => trust::trusted(path)?,
            Err(err) => return refuse(&format!("the program of the server is not known: {err}")),
        };
        let (mut sockets, mut given) = (Vec::new(), Vec::new());
        for socket in listeners.to_pass() {
            sockets.push((socket.name, socket.fd));
            given.push(Given::Listener(socket.listener));
        }
        if let Some(control) = &self.control {
            sockets.push(control.to_pass());
            given.push(Given::Control);
        }
        let luggage = Luggage {
            sockets,
            variables: &|pid| self.notifier.variables(pid),
            restore_signals: &|| queue.restore_mask(),
        };
        let successor = Successor::start(&program, &luggage, self.upgrade_timeout)?;
        Ok((successor, given))
    }

    fn advance_upgrade(&mut self, now: Instant) -> Vec<Task> {
        let Some(upgrade) = &mut self.upgrade else {
            return Vec::new();
        };
        let Some(outcome) = upgrade.successor.turn(now, self.wait_timeout) else {
            return Vec::new();
        };
        // If it is gone by now, the next look tells how.
        if matches!(outcome, Outcome::Ready(_)) && upgrade.successor.hand_over().is_err() {
            return Vec::new();
        }
        let Some(upgrade) = self.upgrade.take() else {
            return Vec::new();
        };
        let (pid, asked) = (upgrade.successor.pid(), upgrade.asked);
        match outcome {
            Outcome::Failed(reason) => {
                if let Some(client) = asked {
                    self.answer(client, &control_socket::error(reason.as_str()));
                }
                vec![Task::Tell(ServerEvent::UpgradeFailed { reason })]
            }
            Outcome::Ready(unwanted) => {
                self.replaced = true;
                if let Some(client) = asked {
                    let fields = vec![("ok", Json::Bool(true)), ("pid", Json::Integer(pid.into()))];
                    self.answer(client, &Json::Object(fields));
                }
                self.notifier.main_pid(pid, &self.serving());
                // From here on, the service is the other one.
                self.notifier = Notifier::default();
                let left = upgrade.left(&unwanted);
                if let Some(mut control) = self.control.take()
                    && !left.contains(&Given::Control)
                {
                    control.hand_over();
                }
                let listener = |given| match given {
                    Given::Listener(listener) => Some(listener),
                    Given::Control => None,
                };
                let left = left.into_iter().filter_map(listener).collect();
                let done = Task::Tell(ServerEvent::UpgradeDone { pid });
                vec![Task::Leave(left), done]
            }
        }
    }
}

fn describe(status: &ServerStatus, phase: Phase, with_trees: bool) -> Json {
    let number = |value: usize| Json::Integer(value as u64);
    let worker = |worker: &WorkerStatus| {
        let mut fields = vec![
            ("index", number(worker.index())),
            ("extra", Json::Bool(worker.is_extra())),
            ("pid", Json::Integer(worker.pid().into())),
            ("state", Json::text(worker.state())),
            ("age", Json::Seconds(worker.age().as_secs_f64())),
            ("restarts", Json::Integer(worker.restarts())),
            ("answered", Json::maybe(worker.has_answered(), Json::Bool)),
            (
                "connections",
                Json::maybe(worker.connections(), Json::Integer),
            ),
            ("requests", Json::maybe(worker.requests(), Json::Integer)),
        ];
        if with_trees {
            fields.push(("tree", Json::maybe(worker.tree(), Json::text)));
        }
        Json::Object(fields)
    };
    Json::Object(vec![
        ("ok", Json::Bool(true)),
        ("pid", Json::Integer(std::process::id().into())),
        ("phase", Json::Text(format!("{phase:?}").to_lowercase())),
        ("wanted", number(status.wanted())),
        ("reloading", Json::Bool(status.is_reloading())),
        (
            "failures_survived",
            Json::Integer(status.survived_failures()),
        ),
        (
            "workers",
            Json::List(status.workers().iter().map(worker).collect()),
        ),
    ])
}

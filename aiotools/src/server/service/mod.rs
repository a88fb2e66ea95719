//! The server as those outside see it: the service manager that started it, the people who run it,
//! and the server that takes its place.

mod answer;
mod succession;

use std::{
    io,
    os::fd::BorrowedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::poll::PollFlags;

use self::succession::Upgrade;
use super::{
    Phase, ServerError, ServerEvent, ServerStatus,
    control_socket::{self, ClientId, ControlSocket, Request},
    error::Kind,
    inherited::Inherited,
    json::Json,
    notify::Notifier,
    options::Options,
    supervision::Command,
    upgrade::Predecessor,
};

/// What the parent has to do with the outside. Part of the parent only: a forked worker
/// [leaves](Self::leave) it at once.
#[derive(Debug)]
pub(in crate::server) struct Service {
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
    /// Until it has gone.
    predecessor: Option<Predecessor>,
    /// Another server has the sockets.
    replaced: bool,
    look_is_logged: bool,
}

/// What the parent is to do.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum Task {
    Obey(Command),
    Upgrade(ClientId),
    Tell(ServerEvent),
    /// The sockets are ours.
    TakeOver,
    /// They are someone else's, apart from those of these listeners.
    Leave(Vec<usize>),
}

impl Service {
    pub(in crate::server) fn new(
        options: &Options,
        inherited: &mut Inherited,
    ) -> Result<Self, ServerError> {
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

    /// In a forked worker.
    pub(in crate::server) fn leave(mut self) {
        if let Some(control) = &mut self.control {
            control.hand_over();
        }
        if let Some(upgrade) = self.upgrade.take() {
            upgrade.successor.forget();
        }
    }

    /// Whether the sockets belong to this server.
    pub(in crate::server) fn has_sockets(&self) -> bool {
        let predecessor = self.predecessor.as_ref();
        predecessor.is_none_or(Predecessor::has_given)
    }

    /// Whether there is nothing left to wait for.
    pub(in crate::server) fn is_over(&self) -> bool {
        self.upgrade.is_none()
    }

    // -- the service manager

    /// Whom to tell how the server is: nobody, as long as another server is the service.
    fn manager(&self) -> Option<&Notifier> {
        self.predecessor.is_none().then_some(&self.notifier)
    }

    /// A phase has begun.
    pub(in crate::server) fn phase(&mut self, phase: Phase) {
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
    pub(in crate::server) fn commanded(&mut self, command: Command) {
        self.look_is_logged |= command == Command::Inspect;
    }

    /// Something has happened. The result is whether it belongs in the log: what the clients of the
    /// control socket look at does not.
    pub(in crate::server) fn event(&mut self, event: &ServerEvent) -> bool {
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
    pub(in crate::server) fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
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
    pub(in crate::server) fn deadline(&self) -> Option<Instant> {
        if !self.has_sockets() {
            return None;
        }
        let upgrade = self.upgrade.as_ref();
        let upgrade = upgrade.map(|upgrade| upgrade.successor.deadline());
        let sign_of_life = self.manager().and_then(Notifier::due);
        [sign_of_life, upgrade].into_iter().flatten().min()
    }

    /// Sees to all who are outside.
    pub(in crate::server) fn turn(&mut self, now: Instant) -> Vec<Task> {
        let mut tasks = Vec::new();
        tasks.extend(self.advance_takeover());
        if !self.has_sockets() {
            return tasks;
        }
        if self.predecessor.is_none() {
            self.notifier.tick(now);
        }
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
            let answer = answer::of(status, self.phase, with_trees);
            self.answer(client, &answer);
        }
    }
}

//! One server after the other, as seen by both: the one that gives its place away, and the one that
//! takes it.

use std::{io, time::Instant};

use super::{Service, Task};
use crate::server::{
    Phase, ServerEvent,
    control_socket::{self, ClientId},
    json::Json,
    listeners::Listeners,
    notify::Notifier,
    signal_queue::SignalQueue,
    trust,
    upgrade::{Luggage, Outcome, Successor},
};

#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) successor: Successor,
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

impl Service {
    /// These of the sockets that were passed are of no use to this server.
    pub(in crate::server) fn has_no_use_for(&mut self, numbers: impl Iterator<Item = u16>) {
        if let Some(predecessor) = &mut self.predecessor {
            predecessor.leave(numbers);
        }
    }

    /// Whether another server is about to take the place of this one, or this one that of another.
    /// In between the number of workers must stay as it is: sockets that were made for more of them
    /// would not be the other one's.
    pub(in crate::server) fn is_changing_hands(&self) -> bool {
        self.upgrade.is_some() || self.replaced || !self.has_sockets()
    }

    /// Starts an upgrade; what comes of it is told later.
    pub(in crate::server) fn begin_upgrade(
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

    /// Hears the server before, if there is one.
    pub(super) fn advance_takeover(&mut self) -> Option<Task> {
        let predecessor = self.predecessor.as_mut()?;
        let had = predecessor.has_given();
        predecessor.turn();
        let (has, is_gone) = (predecessor.has_given(), predecessor.is_gone());
        if is_gone {
            self.predecessor = None;
            if self.phase == Phase::Running {
                self.notifier.ready(&self.serving());
            }
        }
        if had || !has {
            return None;
        }
        if let Some(control) = &mut self.control {
            control.take_over();
        }
        Some(Task::TakeOver)
    }

    pub(super) fn advance_upgrade(&mut self, now: Instant) -> Vec<Task> {
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

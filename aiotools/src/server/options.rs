//! What can be chosen about a server, apart from the code that it runs.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use super::{
    RestartPolicy, ServerError, Signal, error::Kind, listen::Listen, privileges::Privileges,
    supervision::Command,
};
use crate::process::thread_count;

#[derive(Debug)]
pub(super) struct Options {
    pub(super) listen: Vec<Listen>,
    pub(super) workers: usize,
    pub(super) stop_signals: Vec<Signal>,
    pub(super) wait_timeout: Duration,
    pub(super) ready_timeout: Duration,
    pub(super) restart: RestartPolicy,
    /// How often the workers are asked whether they are alive, and how long they may take to answer.
    pub(super) heartbeat: Option<(Duration, Duration)>,
    pub(super) max_age: Option<Duration>,
    pub(super) max_requests: Option<u64>,
    /// In bytes.
    pub(super) max_memory: Option<u64>,
    pub(super) run_to_completion: bool,
    /// Go on without a worker that failed.
    pub(super) ignore_failures: bool,
    pub(super) privileges: Privileges,
    pub(super) control_socket: Option<PathBuf>,
    /// The program to upgrade to, if it is not this one.
    pub(super) upgrade_to: Option<PathBuf>,
    pub(super) upgrade_timeout: Duration,
    /// Do without signalfd and pidfd, as systems that have none do.
    pub(super) portable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            workers: 1,
            stop_signals: vec![Signal::INT, Signal::TERM],
            wait_timeout: Duration::from_secs(30),
            ready_timeout: Duration::from_secs(60),
            restart: RestartPolicy::default(),
            heartbeat: None,
            max_age: None,
            max_requests: None,
            max_memory: None,
            run_to_completion: false,
            ignore_failures: false,
            privileges: Privileges::default(),
            control_socket: None,
            upgrade_to: None,
            upgrade_timeout: Duration::from_secs(60),
            portable: false,
        }
    }
}

impl Options {
    /// What of it is for the extra processes.
    pub(super) fn for_extras(&self, count: usize) -> Self {
        Self {
            workers: count,
            stop_signals: self.stop_signals.clone(),
            wait_timeout: self.wait_timeout,
            ready_timeout: self.ready_timeout,
            restart: self.restart.clone(),
            run_to_completion: self.run_to_completion,
            ignore_failures: self.ignore_failures,
            portable: self.portable,
            ..Self::default()
        }
    }

    /// Refuses what cannot work, before anything is done.
    pub(super) fn check(&self) -> Result<(), ServerError> {
        let refusal = if tokio::runtime::Handle::try_current().is_ok() {
            Kind::InsideRuntime
        } else if thread_count() > 1 {
            Kind::Threads(thread_count())
        } else if self.workers == 0 {
            Kind::NoWorkers
        } else if self.stop_signals.is_empty() {
            Kind::NoStopSignals
        } else if let Some(signal) = self.stop_signals.iter().find(|signal| !signal.can_stop()) {
            Kind::StopSignal(*signal)
        } else if let Some(refusal) = self.check_listeners() {
            refusal
        } else {
            return Ok(());
        };
        Err(ServerError::new(refusal))
    }

    fn check_listeners(&self) -> Option<Kind> {
        let mut names = HashSet::new();
        self.listen.iter().find_map(|listen| {
            let why = match listen.check() {
                Err(why) => why,
                Ok(()) => {
                    let name = listen.label()?;
                    if names.insert(name) {
                        return None;
                    }
                    "another listener has the same name"
                }
            };
            let what = listen.to_string();
            Some(Kind::Listen { what, why })
        })
    }

    /// The signal to stop with when nobody has sent one: TERM if it is a stop signal, else the
    /// lowest of them.
    pub(super) fn default_signal(&self) -> Signal {
        let first = || {
            self.stop_signals
                .iter()
                .min_by_key(|signal| signal.as_raw())
                .copied()
        };
        let term = self
            .stop_signals
            .iter()
            .copied()
            .find(|signal| *signal == Signal::TERM);
        term.or_else(first).unwrap_or(Signal::TERM)
    }

    /// What a signal to the parent asks for, other than to stop. A stop signal is that alone, and
    /// workers that run to completion are left to do so.
    pub(super) fn command_of(&self, signal: Signal) -> Option<Command> {
        if self.run_to_completion || self.stop_signals.contains(&signal) {
            return None;
        }
        COMMANDS
            .iter()
            .find(|(own, _)| *own == signal)
            .map(|(_, command)| *command)
    }

    /// The signals that the parent takes for itself.
    pub(super) fn parent_signals(&self, by_pidfd: bool) -> impl Iterator<Item = Signal> {
        let commands = COMMANDS.iter().map(|(signal, _)| *signal);
        self.stop_signals
            .iter()
            .copied()
            .chain(commands.filter(|signal| self.command_of(*signal).is_some()))
            .chain((!by_pidfd).then_some(Signal::CHLD))
    }

    /// The signals that reach the workers too when they are sent to all processes of the server,
    /// where only the parent is meant, and that would end them.
    pub(super) fn signals_for_parent_only(&self) -> impl Iterator<Item = Signal> {
        [Signal::HUP, Signal::USR1, Signal::USR2]
            .into_iter()
            .filter(|signal| self.command_of(*signal).is_some())
    }
}

/// What signals ask for.
const COMMANDS: [(Signal, Command); 5] = [
    (Signal::HUP, Command::Reload),
    (Signal::USR1, Command::Inspect),
    (Signal::USR2, Command::Upgrade),
    (Signal::TTIN, Command::Grow),
    (Signal::TTOU, Command::Shrink),
];

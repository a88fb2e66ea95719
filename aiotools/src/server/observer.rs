//! Those who watch a server from its parent process: the log, and whoever asked to be told.

use super::{Phase, Ready, ServerEvent};

type Watch<T> = Box<dyn FnMut(T)>;
type WatchRef<T> = Box<dyn FnMut(&T)>;

/// What to call when something happens.
#[derive(Default)]
pub(super) struct Observer {
    pub(super) on_phase: Vec<Watch<Phase>>,
    pub(super) on_ready: Vec<WatchRef<Ready>>,
    pub(super) on_event: Vec<WatchRef<ServerEvent>>,
}

impl Observer {
    pub(super) fn phase(&mut self, phase: Phase) {
        tracing::debug!(?phase, "server phase");
        for watch in &mut self.on_phase {
            watch(phase);
        }
    }

    pub(super) fn ready(&mut self, ready: &Ready) {
        for watch in &mut self.on_ready {
            watch(ready);
        }
    }

    /// `logged` is whether it is of interest to the log as well.
    pub(super) fn event(&mut self, event: &ServerEvent, logged: bool) {
        if logged {
            log(event);
        }
        for watch in &mut self.on_event {
            watch(event);
        }
    }
}

fn log(event: &ServerEvent) {
    match event {
        ServerEvent::WorkerStarted { index, pid } => {
            tracing::info!(worker = index, pid, "worker started");
        }
        ServerEvent::WorkerReady { index, pid } => {
            tracing::info!(worker = index, pid, "worker is ready");
        }
        ServerEvent::WorkerEnded { index, pid } => {
            tracing::info!(worker = index, pid, "worker ended");
        }
        ServerEvent::WorkerFailed { failure, survived } => {
            let (index, pid, phase) = (failure.index(), failure.pid(), failure.phase());
            // The text of the failure goes to one place: to the caller of `run()`, or, where the
            // server goes on and that may be long from now, to the log.
            if *survived {
                tracing::error!(worker = index, pid, %phase, "{failure}");
            } else {
                tracing::error!(worker = index, pid, %phase, "worker failed");
            }
        }
        ServerEvent::Respawn { index, after } => {
            tracing::info!(worker = index, ?after, "another worker will take its place");
        }
        ServerEvent::ReloadStarted => tracing::info!("reloading"),
        ServerEvent::ReloadDone => tracing::info!("reloaded"),
        ServerEvent::ReloadFailed { failure } => {
            tracing::error!(
                worker = failure.index(),
                "the reload failed, the workers that have not been replaced stay"
            );
        }
        ServerEvent::Scaled { workers } => tracing::info!(workers, "scaling"),
        ServerEvent::WorkerHung { index, pid, tree } => match tree {
            Some(tree) => {
                tracing::error!(worker = index, pid, "the worker hangs; its tasks:\n{tree}")
            }
            None => tracing::error!(
                worker = index,
                pid,
                "the worker hangs, and cannot tell its tasks: the whole process stands still"
            ),
        },
        ServerEvent::Recycle { index, pid, cause } => {
            tracing::info!(worker = index, pid, ?cause, "worker is to be replaced");
        }
        ServerEvent::UpgradeStarted { pid } => tracing::info!(pid, "upgrading"),
        ServerEvent::UpgradeDone { pid } => {
            tracing::info!(pid, "another server has taken over, this one stops");
        }
        ServerEvent::UpgradeFailed { reason } => {
            tracing::error!(reason, "the upgrade failed, this server goes on");
        }
        ServerEvent::Inspected { status } => {
            if tracing::enabled!(tracing::Level::INFO) {
                tracing::info!("status\n{status}");
            } else {
                // Whoever asked by a signal is to see it, also where there is no log.
                eprintln!("{status}");
            }
        }
    }
}

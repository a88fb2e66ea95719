//! The server as those outside see it: the service manager that started it.

use std::time::{Duration, Instant};

use super::{Phase, ServerEvent, notify::Notifier};

/// What the parent has to do with the outside. Part of the parent only: a forked worker drops it at
/// once.
#[derive(Debug, Default)]
pub(super) struct Service {
    notifier: Notifier,
    workers: usize,
}

impl Service {
    pub(super) fn new(notifier: Notifier, workers: usize) -> Self {
        Self { notifier, workers }
    }

    /// A phase has begun.
    pub(super) fn phase(&mut self, phase: Phase, wait_timeout: Duration) {
        match phase {
            Phase::Bound | Phase::Ended => {}
            Phase::Starting => self.notifier.status("starting the workers"),
            Phase::Running => self.notifier.ready(&self.serving()),
            Phase::Stopping => self.notifier.stopping(&format!(
                "stopping; the workers have {wait_timeout:?} to finish"
            )),
            Phase::Killing => self.notifier.status("killing what did not stop"),
        }
    }

    /// Something has happened.
    pub(super) fn event(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::ReloadStarted => self.notifier.reloading("replacing the workers"),
            ServerEvent::ReloadDone => self.notifier.ready(&self.serving()),
            ServerEvent::ReloadFailed { failure } => self.notifier.ready(&format!(
                "{}; the last reload failed: {failure}",
                self.serving()
            )),
            ServerEvent::Scaled { workers } => {
                self.workers = *workers;
                self.notifier.status(&self.serving());
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

    /// When to call [`tick`](Self::tick) even if nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.notifier.due()
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.notifier.tick(now);
    }
}

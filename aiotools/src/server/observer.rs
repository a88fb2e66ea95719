//! Those who watch a server from its parent process.

use super::{Phase, Ready};

type Watch<T> = Box<dyn FnMut(T)>;
type WatchRef<T> = Box<dyn FnMut(&T)>;

/// What to call when the phase changes.
#[derive(Default)]
pub(super) struct Observer {
    pub(super) on_phase: Vec<Watch<Phase>>,
    pub(super) on_ready: Vec<WatchRef<Ready>>,
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
}

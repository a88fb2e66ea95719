//! What is to be done, by someone who can do it.

use super::WorkerId;
use crate::server::{Phase, ServerEvent, control::Order};

/// One step that the [plan](super::Plan) asks for.
#[derive(Debug)]
pub(in crate::server) enum Action {
    /// Make a worker process of this index, which says so when it has served this many requests.
    /// [`Plan::forked`](super::Plan::forked) or
    /// [`Plan::not_forked`](super::Plan::not_forked) is to be told.
    Fork(WorkerId, usize, Option<u64>),
    /// The same for an extra process.
    ForkExtra(WorkerId, usize),
    /// Tell a worker something.
    Tell(WorkerId, Order),
    /// Send a worker SIGTERM.
    Terminate(WorkerId),
    /// Find out how much memory a worker has, and tell [`Plan::memory`](super::Plan::memory).
    Measure(WorkerId),
    /// End a worker at once.
    Kill(WorkerId),
    /// Stop waiting for a worker that not even SIGKILL ends.
    Abandon(WorkerId),
    /// Let no new connection in.
    ShutDoor,
    /// Let go of the listeners.
    CloseListeners,
    /// Pass on that a phase has begun.
    Phase(Phase),
    /// Pass on that all workers are ready, and their pids by index.
    Ready(Vec<u32>),
    /// Pass on that something has happened.
    Event(ServerEvent),
}

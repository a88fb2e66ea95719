//! What a server can be asked for, by whomever.

/// A request to a running server. Signals to the parent and the [handle](super::ServerHandle) both
/// come down to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Command {
    /// Stop, as on a stop signal. Unlike a signal, it can be said twice without effect.
    Stop,
    /// Put a new worker in the place of each, one after the other.
    Reload,
    /// Have another server take the place of this one; not a matter of the plan.
    Upgrade,
    /// Have so many workers.
    Scale(usize),
    /// Have one worker more.
    Grow,
    /// Have one worker less.
    Shrink,
    /// Tell what all is doing, as [`ServerEvent::Inspected`](crate::server::ServerEvent::Inspected).
    Inspect,
}

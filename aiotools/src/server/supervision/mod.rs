//! What the parent decides, as pure state: nothing here makes a system call or looks at a clock, so
//! that each rule can be tested with made-up times.
//!
//! The [`Plan`] is told what has happened, and asks for [`Action`]s. The
//! [parent](super::parent) is its hands and eyes.
//!
//! Requests to the server, from signals and from handles alike, are [`Command`]s.

mod action;
mod command;
mod failures;
mod heartbeat;
mod inspect;
mod member;
mod plan;
mod random;
mod recycle;
mod reload;
mod restart;
mod scale;
mod slot;
mod stop;
mod teams;
#[cfg(test)]
mod tests;
mod workers;

pub(super) use action::Action;
pub(super) use command::Command;
pub(super) use member::WorkerId;
pub(super) use plan::Plan;
pub(super) use random::Random;
pub use restart::RestartPolicy;
pub(super) use stop::KILL_LIMIT;
pub(super) use teams::Teams;

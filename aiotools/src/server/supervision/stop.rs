//! The states of the server, and how it stops.
//!
//! # States
//!
//! 1. **Starting**: the workers are being started; not all of them are ready.
//! 2. **Running**: all have been ready (or, when workers run to completion, are past that or gone).
//! 3. **Closing**: a stop is decided and the door is shut; the workers that serve take what waits
//!    in the listeners' queues. The others have been told to stop.
//! 4. **Stopping**: all workers have been told to stop.
//! 5. **Killing**: all workers that are left have been sent SIGKILL.
//!
//! It is over, from 3 on, when each worker has ended; and in a server whose workers run to
//! completion, in any state.
//!
//! # Transitions
//!
//! - 1 → 2 when the last worker reports ready.
//! - 1, 2 → 3 on a stop signal, a command, or a failure that is not survived (I3 of
//!   [`plan`](super::plan)).
//! - 3 → 4 when the queues are empty, no worker serves, or [`DOOR_LIMIT`] has passed.
//! - 3, 4 → 5 when `wait_timeout` has passed since the stop was decided, or on the second stop
//!   signal, unless it is an echo (S2).
//!
//! # Invariants
//!
//! - S1. Only stop signals to the parent count as first and second. What workers report of their
//!   own signals does not.
//! - S2. Who signals a process and then its whole group asks once, as `timeout(1)` does. So a
//!   second signal within [`ECHO_WINDOW`] of the first is kept for [`ECHO_WAIT`], and dropped if a
//!   worker tells that it got one as well.
//! - S3. From 3 on, no worker is started.

use std::time::{Duration, Instant};

use super::{Action, Plan, member::Asked, slot::Slot};
use crate::server::{Phase, Signal, failure::How};

/// How long the workers are left to empty the queues of the listeners before they are told to stop.
const DOOR_LIMIT: Duration = Duration::from_secs(1);
/// How soon after a stop signal another one may be the same request.
pub(super) const ECHO_WINDOW: Duration = Duration::from_millis(100);
/// How long a worker may take to tell that it got a signal.
const ECHO_WAIT: Duration = Duration::from_millis(20);
/// How long a process may take to end after SIGKILL.
pub(in crate::server) const KILL_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) enum State {
    Starting,
    Running,
    Closing(Stop, Instant),
    Stopping(Stop),
    Killing(Stop),
}

/// A decision to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) signal: Signal,
    /// When the first stop signal came, after which the next one is the second.
    signalled: Option<Instant>,
    /// When `wait_timeout` has passed; `None` for a time too far away to be told.
    limit: Option<Instant>,
}

impl State {
    pub(super) fn stop(&self) -> Option<Stop> {
        match self {
            Self::Starting | Self::Running => None,
            Self::Closing(stop, _) | Self::Stopping(stop) | Self::Killing(stop) => Some(*stop),
        }
    }
}

impl Plan<'_> {
    /// Whether no stop has been decided.
    pub(super) fn is_up(&self) -> bool {
        self.state.stop().is_none()
    }

    /// Whether the workers are emptying the queues. When those are empty,
    /// [`queues_empty`](Self::queues_empty) is to be told.
    pub(in crate::server) fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing(..))
    }

    /// A stop signal has come to the parent.
    pub(in crate::server) fn stop_signal(&mut self, signal: Signal, now: Instant) {
        match &mut self.state {
            State::Starting | State::Running => {
                tracing::info!(%signal, "stopping");
                self.stop(signal, Some(now), now);
            }
            State::Closing(stop, _) | State::Stopping(stop) => {
                let within = |since: Instant, limit| now.saturating_duration_since(since) < limit;
                match stop.signalled {
                    None => stop.signalled = Some(now),
                    Some(first) if !within(first, ECHO_WINDOW) => {
                        let stop = *stop;
                        self.force(stop, signal, now);
                    }
                    Some(_) if self.echoed.is_some_and(|echo| within(echo, ECHO_WAIT)) => {}
                    Some(_) => {
                        self.forced.get_or_insert((signal, now + ECHO_WAIT));
                    }
                }
            }
            State::Killing(_) => {}
        }
    }

    /// Nothing waits in the listeners' queues.
    pub(in crate::server) fn queues_empty(&mut self) {
        if let State::Closing(stop, _) = self.state {
            self.tell_all(stop);
        }
    }

    /// 1 → 2, if all are ready.
    pub(super) fn begin_running(&mut self) {
        let completion = self.options.run_to_completion;
        let arrived = |slot: &Slot| match completion {
            true => slot.was_ready || slot.is_empty(),
            false => slot.is_ready(),
        };
        if !self.slots.iter().take(self.wanted).all(arrived) {
            return;
        }
        self.state = State::Running;
        if self
            .slots
            .iter()
            .all(|slot| slot.was_ready || slot.given_up)
        {
            let there = self.slots.iter().filter(|slot| !slot.given_up);
            let pids = there.map(|slot| slot.last_pid).collect();
            self.act(Action::Phase(Phase::Running));
            self.act(Action::Ready(pids));
        }
    }

    /// The transitions that come with time.
    pub(super) fn advance_stop(&mut self, now: Instant) {
        match self.state {
            State::Closing(stop, _) | State::Stopping(stop)
                if stop.limit.is_some_and(|limit| limit <= now) =>
            {
                tracing::warn!(limit = ?self.options.wait_timeout, "killing the workers that did not stop");
                self.kill_all(stop, &How::TimedOut(self.options.wait_timeout), now);
            }
            State::Closing(stop, _) | State::Stopping(stop)
                if let Some((signal, until)) = self.forced
                    && until <= now =>
            {
                self.force(stop, signal, now);
            }
            State::Closing(stop, until)
                if until <= now || self.serving_members().next().is_none() =>
            {
                self.tell_all(stop);
            }
            _ => {}
        }
    }

    /// When [`advance_stop`](Self::advance_stop) has something to do.
    pub(super) fn stop_deadline(&self) -> Option<Instant> {
        let forced = self.forced.map(|(_, until)| until);
        let (door, limit) = match self.state {
            State::Starting | State::Running | State::Killing(_) => (None, None),
            State::Closing(stop, until) => (Some(until), stop.limit),
            State::Stopping(stop) => (None, stop.limit),
        };
        [forced, door, limit].into_iter().flatten().min()
    }

    /// Decides to stop: 1, 2 → 3.
    pub(super) fn stop(&mut self, signal: Signal, signalled: Option<Instant>, now: Instant) {
        let stop = Stop {
            signal,
            signalled,
            limit: now.checked_add(self.options.wait_timeout),
        };
        self.cancel_forks();
        self.end_reload();
        for slot in &mut self.slots {
            slot.retry_at = None;
            slot.retire_at = None;
        }
        self.state = State::Closing(stop, now + DOOR_LIMIT);
        self.act(Action::ShutDoor);
        self.act(Action::Phase(Phase::Stopping));
        self.tell_each(signal, |serving| !serving);
        self.advance_stop(now);
    }

    /// Tells all workers to stop: 3 → 4.
    fn tell_all(&mut self, stop: Stop) {
        self.state = State::Stopping(stop);
        self.tell_each(stop.signal, |_| true);
        // The workers hold on to what they still need of it. With the last of them, the port is
        // free.
        self.act(Action::CloseListeners);
    }

    fn tell_each(&mut self, signal: Signal, whom: impl Fn(bool) -> bool) {
        let ids: Vec<_> = self
            .members()
            .filter(|member| whom(member.is_serving()))
            .map(|member| member.id)
            .collect();
        for id in ids {
            self.tell(id, signal, Asked::Server);
        }
    }

    /// Obeys a second stop signal.
    fn force(&mut self, stop: Stop, signal: Signal, now: Instant) {
        tracing::warn!(%signal, "second stop signal, killing the workers that are left");
        self.kill_all(stop, &How::Forced(signal), now);
    }

    /// Kills all workers that are left: 3, 4 → 5.
    fn kill_all(&mut self, stop: Stop, why: &How, now: Instant) {
        self.state = State::Killing(stop);
        let ids: Vec<_> = self.members().map(|member| member.id).collect();
        for id in ids {
            self.kill(id, why.clone(), now);
        }
        self.forced = None;
        self.act(Action::Phase(Phase::Killing));
    }
}

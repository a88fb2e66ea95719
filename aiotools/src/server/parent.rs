//! The parent's side: one thread, one loop over signals, pidfds and control streams, and no tokio.
//!
//! # States
//!
//! 1. **Starting**: the workers are forked; not all of them are ready.
//! 2. **Running**: each worker is at its `yield_!` (or, when workers run to completion, is past it
//!    or gone).
//! 3. **Closing**: a stop is decided and the door is shut; the workers still serve what waits in
//!    the listeners' queues.
//! 4. **Stopping**: all workers have been told to stop.
//! 5. **Killing**: all workers that are left have been sent SIGKILL.
//!
//! The loop ends, in whichever state, when each worker has been reaped.
//!
//! # Transitions
//!
//! - 1 → 2 when the last worker reports ready.
//! - 1 → 4 on a stop signal or, unless workers run to completion, the failure of a worker. No door
//!   to shut: not all workers serve.
//! - 2 → 3 on the same.
//! - 3 → 4 when the queues are empty, or [`DOOR_LIMIT`] has passed.
//! - 3, 4 → 5 when `wait_timeout` has passed since the stop was decided, or on the second stop
//!   signal, unless it is an echo (I6).
//! - 5 → out when [`KILL_LIMIT`] has passed; what is left then cannot be killed.
//!
//! # Invariants
//!
//! - I1. A worker is told to stop at most once, and all are told the same signal: that of the
//!   decision to stop.
//! - I2. A worker's pid is used only between its fork and its reaping, both done here, so it is
//!   never that of a stranger.
//! - I3. Each worker is reaped exactly once, and has at most one failure in the report.
//! - I4. Only stop signals to the parent count as first and second. What workers report of their
//!   own signals does not.
//! - I5. However the parent is left, by a panic too, no worker is: `Children` kills and reaps on
//!   drop. A forked worker leaves with `Children` emptied.
//! - I6. Who signals a process and then its whole group asks once, as `timeout(1)` does. So a second
//!   signal within [`ECHO_WINDOW`] of the first is kept for [`ECHO_WAIT`], and dropped if a worker
//!   tells that it got one as well.

use std::{
    io,
    mem::ManuallyDrop,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout},
    unistd::{Pid, getpid},
};

use super::{
    Phase, Ready, ServerError, Signal, WorkerFailure,
    child::{Asked, Child},
    children::{Children, KILL_LIMIT},
    control,
    error::Kind,
    failure::How,
    listeners::Listeners,
    observer::Observer,
    options::Options,
    signal_queue::SignalQueue,
    worker::Seat,
};
use crate::process::{ForkError, fork};

/// How long the workers are left to empty the queues of the listeners before they are told to stop.
const DOOR_LIMIT: Duration = Duration::from_secs(1);
/// How often it is looked whether they have.
const DOOR_INTERVAL: Duration = Duration::from_millis(2);

/// How soon after a stop signal another one may be the same request.
const ECHO_WINDOW: Duration = Duration::from_millis(100);
/// How long a worker may take to tell that it got a signal.
const ECHO_WAIT: Duration = Duration::from_millis(20);
/// How often it is looked at a worker whose end nothing tells of.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// Where [`Parent::run`] comes out: once in the parent, and once in each worker.
pub(super) enum Side {
    Parent(Box<End>),
    Worker(Box<Seat>, Listeners),
}

/// What is left when no worker is.
pub(super) struct End {
    /// The signal that workers and main context are told.
    pub(super) signal: Signal,
    /// Why the server could not go on, other than through the failure of a worker.
    pub(super) error: Option<ServerError>,
    pub(super) failures: Vec<WorkerFailure>,
    pub(super) observer: Observer,
    /// Holds the stop signals back until the very end.
    pub(super) queue: SignalQueue,
}

pub(super) struct Parent<'a> {
    options: &'a Options,
    observer: Observer,
    queue: SignalQueue,
    listeners: Listeners,
    children: Children,
    state: State,
    failures: Vec<WorkerFailure>,
    error: Option<ServerError>,
    /// When a worker last told of a stop signal of its own; see I6.
    echoed: Option<Instant>,
    /// A second signal, to be obeyed at this time.
    forced: Option<(Signal, Instant)>,
}

enum State {
    Starting,
    Running,
    Closing(Stop, Instant),
    Stopping(Stop),
    Killing(Stop, Instant),
}

/// A decision to stop.
#[derive(Clone, Copy)]
struct Stop {
    signal: Signal,
    /// When the first stop signal came, after which the next one is the second.
    signalled: Option<Instant>,
    /// When `wait_timeout` has passed; `None` for a time too far away to be told.
    limit: Option<Instant>,
}

impl<'a> Parent<'a> {
    pub(super) fn new(
        options: &'a Options,
        observer: Observer,
        queue: SignalQueue,
        listeners: Listeners,
    ) -> Self {
        Self {
            options,
            observer,
            queue,
            listeners,
            children: Children::default(),
            state: State::Starting,
            failures: Vec::new(),
            error: None,
            echoed: None,
            forced: None,
        }
    }

    /// Starts the workers and sees them to their end. Returns in the parent, and in each worker.
    pub(super) fn run(mut self) -> Side {
        let parent = getpid();
        self.observer.phase(Phase::Starting);
        // A stop that was asked for while the main context was set up spares the workers.
        self.take_signals();
        let workers = if matches!(self.state, State::Starting) {
            self.options.workers
        } else {
            0
        };
        for index in 0..workers {
            match self.fork(index) {
                Ok(None) => {}
                Ok(Some(control)) => return self.into_worker(index, parent, control),
                Err(err) => {
                    self.error = Some(err);
                    break;
                }
            }
        }
        loop {
            self.take_reports();
            self.reap();
            if self.children.all_reaped() {
                break;
            }
            self.advance();
            if let Err(err) = self.wait() {
                // Without the wait nothing here works; dropping the children ends them.
                self.error = Some(ServerError::system("wait for the workers", err));
                break;
            }
            self.take_signals();
        }
        self.into_end()
    }

    /// Forks one worker; in the worker, the result is its end of the control stream.
    fn fork(&mut self, index: usize) -> Result<Option<control::WorkerEnd>, ServerError> {
        let (control, worker) =
            control::pair().map_err(|err| ServerError::system("make a socket pair", err))?;
        match fork() {
            Ok(None) => Ok(Some(worker)),
            Ok(Some(pid)) => {
                let mut child = Child::new(index, pid, control, self.options.run_to_completion);
                if !self.options.portable {
                    child.watch();
                }
                tracing::info!(worker = index, pid = child.pid(), "worker started");
                self.children.0.push(child);
                Ok(None)
            }
            Err(ForkError::Threads(count)) => Err(ServerError::new(Kind::Threads(count))),
            Err(ForkError::System(err)) => Err(ServerError::system("fork a worker", err)),
        }
    }

    fn into_worker(mut self, index: usize, parent: Pid, control: control::WorkerEnd) -> Side {
        self.children.0.clear();
        // The image of a value whose end is the parent's to see to.
        let _ = ManuallyDrop::new(self.observer);
        let seat = Seat {
            index,
            parent,
            control,
            mask: self.queue.leave(),
            stop_signals: self.options.stop_signals.clone(),
            run_to_completion: self
                .options
                .run_to_completion
                .then(|| self.options.default_signal()),
            drain_limit: self.options.wait_timeout,
        };
        Side::Worker(Box::new(seat), self.listeners)
    }

    fn into_end(self) -> Side {
        let signal = match self.state {
            State::Starting | State::Running => self.options.default_signal(),
            State::Closing(stop, _) | State::Stopping(stop) | State::Killing(stop, _) => {
                stop.signal
            }
        };
        // Before the main context ends: the children, in case the loop was left early, and the
        // listeners.
        drop((self.children, self.listeners));
        Side::Parent(Box::new(End {
            signal,
            error: self.error,
            failures: self.failures,
            observer: self.observer,
            queue: self.queue,
        }))
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<()> {
        let now = Instant::now();
        let timeout = match &self.state {
            State::Starting | State::Running => None,
            State::Closing(..) => Some(DOOR_INTERVAL),
            State::Stopping(stop) => stop.limit.map(|limit| limit.saturating_duration_since(now)),
            State::Killing(_, until) => Some(until.saturating_duration_since(now)),
        };
        let watched = self
            .children
            .0
            .iter()
            .any(Child::must_be_watched)
            .then_some(WATCH_INTERVAL);
        let forced = self
            .forced
            .map(|(_, until)| until.saturating_duration_since(now));
        let timeout = [timeout, watched, forced].into_iter().flatten().min();
        // Up to the next millisecond, so that a limit that is waited for has passed afterwards.
        let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
            PollTimeout::try_from(timeout + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let fds = self.children.0.iter().flat_map(Child::fds);
        let mut fds: Vec<_> = fds
            .chain([self.queue.fd()])
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        self.queue.poll(&mut fds, timeout)
    }

    fn take_signals(&mut self) {
        while let Some(signal) = self.queue.next() {
            // SIGCHLD, where there are no pidfds, has done its work by ending the wait.
            if self.options.stop_signals.contains(&signal) {
                self.on_stop_signal(signal);
            }
        }
    }

    fn on_stop_signal(&mut self, signal: Signal) {
        match &mut self.state {
            State::Starting | State::Running => {
                tracing::info!(%signal, "stopping");
                self.stop(signal, Some(Instant::now()));
            }
            State::Closing(stop, _) | State::Stopping(stop) => {
                let now = Instant::now();
                let within = |since: Instant, limit| now.saturating_duration_since(since) < limit;
                match stop.signalled {
                    None => stop.signalled = Some(now),
                    Some(first) if !within(first, ECHO_WINDOW) => {
                        let stop = *stop;
                        self.force(stop, signal);
                    }
                    Some(_) if self.echoed.is_some_and(|echo| within(echo, ECHO_WAIT)) => {}
                    Some(_) => {
                        self.forced.get_or_insert((signal, now + ECHO_WAIT));
                    }
                }
            }
            State::Killing(..) => {}
        }
    }

    fn take_reports(&mut self) {
        let may_stop_one = matches!(self.state, State::Starting | State::Running);
        for child in &mut self.children.0 {
            for signal in child.listen() {
                // I4. Where the whole server is stopping, as by Ctrl-C, the worker is or will be
                // told like all others.
                if may_stop_one {
                    child.stop(signal, Asked::Worker);
                }
                self.echoed = Some(Instant::now());
                self.forced = None;
            }
        }
    }

    fn reap(&mut self) {
        for child in &mut self.children.0 {
            match child.try_reap() {
                None => {}
                Some(None) => {
                    tracing::info!(worker = child.index, pid = child.pid(), "worker ended")
                }
                Some(Some(failure)) => {
                    // The text of the failure goes to one place: to the caller of `run()`, or,
                    // where the others go on and that may be long from now, also to the log.
                    if self.options.run_to_completion {
                        tracing::error!(worker = child.index, pid = child.pid(), phase = %failure.phase(), "{failure}");
                    } else {
                        tracing::error!(worker = child.index, pid = child.pid(), phase = %failure.phase(), "worker failed");
                    }
                    self.failures.push(failure);
                }
            }
        }
    }

    /// Makes the transitions that do not come from a signal.
    fn advance(&mut self) {
        let now = Instant::now();
        match self.state {
            State::Starting | State::Running if self.must_stop() => {
                self.stop(self.options.default_signal(), None)
            }
            State::Starting
                if self
                    .children
                    .0
                    .iter()
                    .all(|child| child.is_ready() || child.is_reaped()) =>
            {
                self.state = State::Running;
                if self.children.0.iter().all(Child::is_ready) {
                    self.observer.phase(Phase::Running);
                    self.observer.ready(&Ready {
                        local_addrs: self.listeners.local_addrs().collect(),
                        worker_pids: self.children.0.iter().map(Child::pid).collect(),
                    });
                }
            }
            State::Closing(stop, _) | State::Stopping(stop)
                if stop.limit.is_some_and(|limit| limit <= now) =>
            {
                tracing::warn!(limit = ?self.options.wait_timeout, "killing the workers that did not stop");
                self.kill(stop, &How::TimedOut(self.options.wait_timeout));
            }
            State::Closing(stop, _) | State::Stopping(stop)
                if let Some((signal, until)) = self.forced
                    && until <= now =>
            {
                self.force(stop, signal);
            }
            State::Closing(stop, until) if until <= now || !self.listeners.has_waiting() => {
                self.tell(stop)
            }
            State::Killing(_, until) if until <= now => {
                let stuck = self
                    .children
                    .0
                    .iter_mut()
                    .filter(|child| !child.is_reaped());
                self.failures.extend(stuck.map(Child::abandon));
            }
            _ => {}
        }
    }

    /// Whether something has gone wrong that stops the server.
    fn must_stop(&self) -> bool {
        let failed = !self.failures.is_empty() || self.children.0.iter().any(Child::has_failed);
        self.error.is_some() || (failed && !self.options.run_to_completion)
    }

    /// Decides to stop: 1 → 4 and 2 → 3.
    fn stop(&mut self, signal: Signal, signalled: Option<Instant>) {
        let now = Instant::now();
        let stop = Stop {
            signal,
            signalled,
            limit: now.checked_add(self.options.wait_timeout),
        };
        let running = matches!(self.state, State::Running);
        self.listeners.shut();
        self.state = State::Closing(stop, now + DOOR_LIMIT);
        self.observer.phase(Phase::Stopping);
        if !running || !self.listeners.has_waiting() {
            self.tell(stop);
        }
    }

    /// Tells all workers to stop: 3 → 4.
    fn tell(&mut self, stop: Stop) {
        self.state = State::Stopping(stop);
        for child in &mut self.children.0 {
            child.stop(stop.signal, Asked::Server);
        }
        // The workers hold on to what they still need of it. With the last of them, the port is
        // free.
        self.listeners = Listeners::default();
    }

    /// Obeys a second stop signal.
    fn force(&mut self, stop: Stop, signal: Signal) {
        tracing::warn!(%signal, "second stop signal, killing the workers that are left");
        self.kill(stop, &How::Forced(signal));
    }

    /// Kills all workers that are left: 3, 4 → 5.
    fn kill(&mut self, stop: Stop, why: &How) {
        self.state = State::Killing(stop, Instant::now() + KILL_LIMIT);
        for child in &mut self.children.0 {
            child.kill(why.clone());
        }
        self.observer.phase(Phase::Killing);
    }
}

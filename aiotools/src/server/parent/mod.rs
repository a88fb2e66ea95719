//! The parent's side: one thread, one loop over signals, pidfds and control streams, and no tokio.
//!
//! What is to be done is the business of the [plan](super::supervision): the loop tells it what has
//! happened, does what it asks for, and waits for more to happen.
//!
//! - However the loop is left, by a panic too, no worker is: [`Children`] kills and reaps on drop.
//! - A forked worker leaves the loop at once, with `Children` emptied and all that is the parent's
//!   closed.
//! - Each child is reaped exactly once, and here.

mod child;
mod children;

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::AsFd as _,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout},
    sys::signal::{SIGKILL, SIGTERM},
    unistd::{Pid, getpid},
};

use self::{child::Child, children::Children};
use super::{
    Phase, Ready, ServerError, ServerEvent, Signal, WorkerFailure, control,
    control_socket::ClientId,
    error::Kind,
    handle::Requests,
    listeners::Listeners,
    observer::Observer,
    options::Options,
    service::{Service, Task},
    signal_queue::SignalQueue,
    supervision::{Action, Command, Teams, WorkerId},
    worker::Seat,
};
use crate::process::{ForkError, fork};

/// How often it is looked whether the workers have emptied the queues of the listeners.
const DOOR_INTERVAL: Duration = Duration::from_millis(2);
/// How often it is looked at a worker whose end nothing tells of.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// How many requests are taken in a turn.
const REQUESTS_PER_TURN: usize = 64;

/// Where [`Parent::run`] comes out: once in the parent, and once in each worker and
/// extra process, which has a number among its like.
pub(super) enum Side {
    Parent(Box<End>),
    Worker(Box<Seat>, Listeners),
    Extra(Box<Seat>, usize),
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
    requests: Option<Requests>,
    service: Service,
    children: Children,
    plan: Teams<'a>,
    /// The workers that new connections go to, where each has a queue of its own.
    steered: Vec<usize>,
    pid: Pid,
}

/// What a worker has that no other one has.
struct Born {
    index: usize,
    extra: bool,
    control: control::WorkerEnd,
    request_limit: Option<u64>,
}

impl<'a> Parent<'a> {
    pub(super) fn new(
        options: &'a Options,
        extras: &'a Options,
        observer: Observer,
        queue: SignalQueue,
        listeners: Listeners,
        requests: Option<Requests>,
        service: Service,
    ) -> Self {
        Self {
            options,
            observer,
            queue,
            listeners,
            requests,
            service,
            children: Children::default(),
            plan: Teams::new(options, extras),
            steered: Vec::new(),
            pid: getpid(),
        }
    }

    /// Starts the workers and sees them to their end. Returns in the parent, and in each worker.
    pub(super) fn run(mut self) -> Side {
        self.phase(Phase::Starting);
        // A stop that was asked for while the main context was set up spares the workers.
        self.take_signals(Instant::now());
        let lingers = self.listeners.are_per_worker();
        self.plan.start(lingers, Instant::now());
        loop {
            while let Some(action) = self.plan.next_action() {
                if let Some(born) = self.perform(action) {
                    return self.into_worker(born);
                }
            }
            if self.plan.is_closing() && !self.listeners.has_waiting() {
                self.plan.queues_empty();
                continue;
            }
            if self.plan.is_over() && self.service.is_over() {
                return self.into_end(None);
            }
            if let Err(err) = self.wait() {
                // Without the wait nothing here works; dropping the children ends them.
                return self.into_end(Some(ServerError::system("wait for the workers", err)));
            }
            let now = Instant::now();
            self.take_signals(now);
            self.take_requests(now);
            self.take_reports(now);
            self.reap(now);
            self.look_outside(now);
            self.plan.advance(now);
            self.steer(now);
        }
    }

    /// Does what the plan asks for. In a worker that was forked, the result is what it was born
    /// with.
    fn perform(&mut self, action: Action) -> Option<Born> {
        match action {
            Action::Fork(id, index, request_limit) => {
                let provided = self.listeners.provide(index);
                let forked = provided
                    .map_err(|err| ServerError::system("listen for one more worker", err))
                    .and_then(|()| self.fork(id));
                match forked {
                    Ok(None) => {}
                    Ok(Some(control)) => {
                        return Some(Born {
                            index,
                            extra: false,
                            control,
                            request_limit,
                        });
                    }
                    Err(err) => self.plan.not_forked(id, err, Instant::now()),
                }
            }
            Action::ForkExtra(id, index) => match self.fork(id) {
                Ok(None) => {}
                Ok(Some(control)) => {
                    return Some(Born {
                        index,
                        extra: true,
                        control,
                        request_limit: None,
                    });
                }
                Err(err) => self.plan.not_forked(id, err, Instant::now()),
            },
            Action::Tell(id, order) => {
                if let Some(child) = self.children.get_mut(id) {
                    child.tell(order);
                }
            }
            Action::Kill(id) => self.kill(id, SIGKILL),
            Action::Terminate(id) => self.kill(id, SIGTERM),
            Action::Measure(id) => {
                let child = self.children.get_mut(id);
                if let Some(bytes) = child.and_then(|child| child.memory()) {
                    self.plan.memory(id, bytes);
                }
            }
            Action::Abandon(id) => {
                if let Some(child) = self.children.get_mut(id) {
                    child.abandon();
                }
            }
            Action::ShutDoor => self.listeners.shut(),
            Action::CloseListeners => self.listeners = Listeners::default(),
            Action::Phase(phase) => self.phase(phase),
            Action::Ready(worker_pids) => self.observer.ready(&Ready {
                local_addrs: self.listeners.local_addrs().collect(),
                worker_pids,
            }),
            Action::Event(event) => self.event(&event),
        }
        None
    }

    fn kill(&mut self, id: WorkerId, signal: nix::sys::signal::Signal) {
        if let Some(child) = self.children.get_mut(id) {
            child.kill(signal);
        }
    }

    fn phase(&mut self, phase: Phase) {
        self.service.phase(phase);
        self.observer.phase(phase);
    }

    /// Where each worker has a queue of its own: sends new connections to the workers that serve,
    /// and lets those go whose queue is empty.
    fn steer(&mut self, now: Instant) {
        // During an upgrade, they are sent to the workers of both servers, and then to those of the
        // new one.
        if !self.listeners.are_per_worker() || !self.listeners.are_ours() {
            return;
        }
        let serving = self.plan.workers.serving();
        if serving != self.steered {
            self.listeners.steer(&serving);
            self.steered = serving;
        }
        for index in self.plan.workers.due_to_retire(now) {
            if !self.listeners.has_waiting_for(index) {
                self.plan.workers.retire(index, now);
            }
        }
        for index in self.unattended() {
            if self.listeners.has_waiting_for(index) {
                self.plan.workers.attend(index, now);
            }
        }
    }

    /// The indexes whose queue no worker serves.
    fn unattended(&self) -> Vec<usize> {
        match self.listeners.are_ours() {
            true => self.plan.workers.unattended(self.listeners.queues()),
            false => Vec::new(),
        }
    }

    /// Forks one worker; in the worker, the result is its end of the control stream.
    fn fork(&mut self, id: WorkerId) -> Result<Option<control::WorkerEnd>, ServerError> {
        let (control, worker) =
            control::pair().map_err(|err| ServerError::system("make a socket pair", err))?;
        match fork() {
            Ok(None) => Ok(Some(worker)),
            Ok(Some(pid)) => {
                let mut child = Child::new(id, pid, control);
                if !self.options.portable {
                    child.watch();
                }
                self.plan.forked(id, child.pid());
                self.children.0.push(child);
                Ok(None)
            }
            Err(ForkError::Threads(count)) => Err(ServerError::new(Kind::Threads(count))),
            Err(ForkError::System(err)) => Err(ServerError::system("fork a worker", err)),
        }
    }

    fn into_worker(mut self, born: Born) -> Side {
        self.children.0.clear();
        self.service.leave();
        // The image of a value whose end is the parent's to see to.
        let _ = ManuallyDrop::new(self.observer);
        let options = self.options;
        let seat = Seat {
            index: if born.extra {
                self.plan.number_of_extra(born.index)
            } else {
                self.plan.number_of_worker(born.index)
            },
            slot: born.index,
            parent: self.pid,
            control: Arc::new(born.control),
            request_limit: born.request_limit,
            mask: self.queue.leave(),
            stop_signals: options.stop_signals.clone(),
            ignored_signals: options.signals_for_parent_only().collect(),
            run_to_completion: options.run_to_completion.then(|| options.default_signal()),
            drain_limit: options.wait_timeout,
        };
        if born.extra {
            Side::Extra(Box::new(seat), born.index)
        } else {
            Side::Worker(Box::new(seat), self.listeners)
        }
    }

    fn into_end(self, error: Option<ServerError>) -> Side {
        // Before the main context ends: the children, in case the loop was left early, and the
        // listeners.
        drop((self.children, self.listeners));
        let (signal, planned, failures) = self.plan.into_end();
        Side::Parent(Box::new(End {
            signal,
            error: error.or(planned),
            failures,
            observer: self.observer,
            queue: self.queue,
        }))
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<()> {
        let now = Instant::now();
        let until = |deadline: Instant| deadline.saturating_duration_since(now);
        let watched = self.children.0.iter().any(Child::must_be_watched);
        let timeouts = [
            self.plan.deadline().map(until),
            self.service.deadline().map(until),
            self.plan
                .workers
                .next_to_retire()
                .map(|at| until(at).max(DOOR_INTERVAL)),
            self.plan.is_closing().then_some(DOOR_INTERVAL),
            watched.then_some(WATCH_INTERVAL),
        ];
        // Up to the next millisecond, so that a limit that is waited for has passed afterwards.
        let timeout = timeouts.into_iter().flatten().min();
        let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
            PollTimeout::try_from(timeout + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let fds = self.children.0.iter().flat_map(Child::fds);
        let late = self.unattended();
        let late = late.iter().flat_map(|index| self.listeners.queue(*index));
        let mut fds: Vec<_> = fds
            .chain([self.queue.fd()])
            .chain(late.map(|socket| socket.as_fd()))
            .chain(self.requests.as_ref().map(Requests::fd))
            .map(|fd| (fd, PollFlags::POLLIN))
            .chain(self.service.fds())
            .map(|(fd, flags)| PollFd::new(fd, flags))
            .collect();
        self.queue.poll(&mut fds, timeout)
    }

    fn take_signals(&mut self, now: Instant) {
        while let Some(signal) = self.queue.next() {
            // SIGCHLD, where there are no pidfds, has done its work by ending the wait.
            if self.options.stop_signals.contains(&signal) {
                self.plan.stop_signal(signal, now);
            } else if let Some(command) = self.options.command_of(signal) {
                self.obey(command, now);
            }
        }
    }

    fn take_requests(&mut self, now: Instant) {
        // What is left is taken in the next turn, so that nobody who asks without end keeps the
        // parent from its work.
        for _ in 0..REQUESTS_PER_TURN {
            match self.requests.as_mut().and_then(Requests::next) {
                Some(command) => self.obey(command, now),
                None => return,
            }
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Upgrade => self.upgrade(None),
            Command::Scale(_) | Command::Grow | Command::Shrink
                if self.service.is_changing_hands() =>
            {
                tracing::warn!("the number of workers stays as it is, as an upgrade is under way");
            }
            command => {
                self.service.commanded(command);
                self.plan.command(command, now);
            }
        }
    }

    fn upgrade(&mut self, asked: Option<ClientId>) {
        let event = self
            .service
            .begin_upgrade(asked, &self.listeners, &self.queue);
        self.event(&event);
    }

    /// Sees to the service manager, the control socket and an upgrade.
    fn look_outside(&mut self, now: Instant) {
        for task in self.service.turn(now) {
            match task {
                Task::Obey(command) => self.plan.command(command, now),
                Task::Upgrade(client) => self.upgrade(Some(client)),
                Task::Tell(event) => self.event(&event),
                Task::TakeOver => self.listeners.take_over(),
                Task::Leave(unwanted) => {
                    self.listeners.hand_over(&unwanted);
                    let lingers = self.listeners.are_per_worker();
                    self.plan.workers.give_way(lingers, now);
                }
            }
        }
    }

    fn event(&mut self, event: &ServerEvent) {
        let logged = self.service.event(event);
        self.observer.event(event, logged);
    }

    fn take_reports(&mut self, now: Instant) {
        for child in &mut self.children.0 {
            for report in child.reports() {
                self.plan.report(child.id, &report, now);
            }
        }
    }

    fn reap(&mut self, now: Instant) {
        for child in &mut self.children.0 {
            if let Some(status) = child.try_reap() {
                // Its last words may have come after the last look.
                for report in child.reports() {
                    self.plan.report(child.id, &report, now);
                }
                self.plan.ended(child.id, status, now);
            }
        }
        self.children.forget_reaped();
    }
}

//! The worker's side: from the fork to the exit of the process.
//!
//! In this order: give up rights · die with the parent · take the index · build the runtime · put handlers in place
//! of the blocked stop signals · run the body to its `yield_!` · report ready · wait for the stop ·
//! run the body to its end · drain the cleanups that it left behind · report · exit. Each failure
//! is reported as soon as it is known, and once.

use std::{
    any::Any,
    cell::Cell,
    future::{pending, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use nix::unistd::{Pid, getppid};
use tokio::{runtime::Runtime, signal::unix, sync::watch};

use super::{
    Signal, WorkerPhase,
    body::Worker,
    context::{self, Shared},
    control::{Report, WorkerEnd},
    ear,
    error::{BoxError, chain},
    privileges::WorkerRights,
    signal_queue::SavedMask,
};
use crate::{
    cleanup,
    context::{
        Coroutine, Owned,
        coroutine::{Driver as _, HeapFrame, Step},
    },
};

/// What the parent leaves to a worker, apart from what the user's code gets.
pub(super) struct Seat {
    pub(super) index: usize,
    /// Which of the workers' own sockets is its.
    pub(super) slot: usize,
    pub(super) parent: Pid,
    pub(super) control: Arc<WorkerEnd>,
    /// The mask of the process, to put back once the stop signals have handlers.
    pub(super) mask: Option<SavedMask>,
    pub(super) stop_signals: Vec<Signal>,
    /// Signals that are for the parent, and are to do nothing here.
    pub(super) ignored_signals: Vec<Signal>,
    /// The signal to resume with at once, in place of waiting for a stop.
    pub(super) run_to_completion: Option<Signal>,
    /// After how many requests the parent is told.
    pub(super) request_limit: Option<u64>,
    /// How long left-over cleanups may take. The parent's own limit, which started earlier, comes
    /// first when the server stops.
    pub(super) drain_limit: Duration,
}

/// Exit code of a worker that has reported a failure.
const FAILED: i32 = 1;
/// Exit code of a worker that has reported a panic, as for a panic in `main`.
const PANICKED: i32 = 101;

/// Runs a worker and ends the process.
pub(super) fn run<C: Coroutine<Lend = Owned<()>, Resume = Signal>>(
    mut seat: Seat,
    shared: &'static Shared,
    rights: &WorkerRights,
    runtime: impl FnOnce() -> io::Result<Runtime>,
    worker: impl FnOnce() -> Worker<C>,
) -> ! {
    context::set_process_index(seat.index);
    let mut code = 0;
    let alive = catch_unwind(AssertUnwindSafe(|| {
        // First, as the kernel forgets what is to happen at the end of the parent when rights change.
        rights.apply()?;
        die_with_parent(seat.parent)?;
        let runtime = runtime()?;
        code = runtime.block_on(work(&mut seat, shared, worker))?;
        // Waits for blocking tasks that have started, as the end of any runtime does; the parent's
        // limit bounds it.
        drop(runtime);
        io::Result::Ok(())
    }));
    let failure = match alive {
        Ok(Ok(())) => None,
        Ok(Err(err)) => Some(Outcome::Failed(format!(
            "cannot prepare the worker: {}",
            chain(&err)
        ))),
        Err(panic) => Some(Outcome::Panicked(panic_text(&*panic))),
    };
    if let Some(failure) = failure {
        code = failure.report(&seat.control, WorkerPhase::Initialization);
    }
    seat.control.report(&Report::Done);
    std::process::exit(code)
}

/// Has this process killed when the parent ends, in whichever way it ends. Where there is no such
/// thing, the end of the control stream does it, as long as the runtime is not blocked.
pub(super) fn die_with_parent(parent: Pid) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL)?;
    // The parent may have ended before that. Where it lives in another pid namespace it has no
    // number here, and 0 stands for it.
    let now = getppid();
    if now != parent && now.as_raw() != 0 {
        orphaned();
    }
    Ok(())
}

/// The parent is gone, and with it everyone who could be told why.
pub(super) fn orphaned() -> ! {
    std::process::exit(FAILED)
}

/// How the body, or a part of it, ended.
pub(super) enum Outcome {
    Ended,
    Failed(String),
    Panicked(String),
}

impl Outcome {
    pub(super) fn report(self, control: &WorkerEnd, phase: WorkerPhase) -> i32 {
        let (panicked, text) = match self {
            Self::Ended => return 0,
            Self::Failed(text) => (false, text),
            Self::Panicked(text) => (true, text),
        };
        control.report(&Report::Failed {
            phase,
            panicked,
            text,
        });
        if panicked { PANICKED } else { FAILED }
    }
}

impl From<Result<(), BoxError>> for Outcome {
    fn from(result: Result<(), BoxError>) -> Self {
        match result {
            Ok(()) => Self::Ended,
            Err(err) => Self::Failed(chain(&*err)),
        }
    }
}

/// Runs the body and what it leaves behind; the result is the exit code.
async fn work<C: Coroutine<Lend = Owned<()>, Resume = Signal>>(
    seat: &mut Seat,
    shared: &'static Shared,
    worker: impl FnOnce() -> Worker<C>,
) -> io::Result<i32> {
    let mask = seat.mask.take();
    let seat = &*seat;
    let mut signals = Signals::new(seat)?;
    drop(mask);
    let stop = ear::open(&seat.control, shared)?;

    let mut life = pin!(to_the_end(seat, stop, shared, worker));
    Ok(poll_fn(|cx| {
        signals.poll(cx);
        life.as_mut().poll(cx)
    })
    .await)
}

async fn to_the_end<C: Coroutine<Lend = Owned<()>, Resume = Signal>>(
    seat: &Seat,
    stop: watch::Receiver<Option<Signal>>,
    shared: &'static Shared,
    worker: impl FnOnce() -> Worker<C>,
) -> i32 {
    let phase = Cell::new(WorkerPhase::Initialization);
    let outcome = {
        let mut life = pin!(live(&phase, seat, stop, shared, worker));
        poll_fn(|cx| match caught(|| life.as_mut().poll(cx)) {
            Ok(polled) => polled,
            Err(panicked) => Poll::Ready(panicked),
        })
        .await
        // What the body still holds is gone here, so that its guards have handed over their
        // cleanups.
    };
    shared.close_listeners();
    let code = outcome.report(&seat.control, phase.get());

    let drained = cleanup::drain(seat.drain_limit).await;
    if drained.is_complete() || code != 0 {
        return code;
    }
    let left = Outcome::Failed(format!("{drained} after {:?}", seat.drain_limit));
    left.report(&seat.control, WorkerPhase::Shutdown)
}

/// Takes the body through its phases.
async fn live<C: Coroutine<Lend = Owned<()>, Resume = Signal>>(
    phase: &Cell<WorkerPhase>,
    seat: &Seat,
    stop: watch::Receiver<Option<Signal>>,
    shared: &'static Shared,
    worker: impl FnOnce() -> Worker<C>,
) -> Outcome {
    let (coroutine, finish) = worker().into_parts();
    let mut body = HeapFrame::start(coroutine);

    // 1. Up to the `yield_!`, unless the stop comes first.
    let mut stopped = pin!(stopped(stop));
    let setup = poll_fn(|cx| match stopped.as_mut().poll(cx) {
        Poll::Ready(signal) => Poll::Ready(Err(signal)),
        Poll::Pending => Pin::new(&mut body).poll_setup(cx).map(Ok),
    });
    match setup.await {
        Ok(Step::Yielded) => {}
        Ok(Step::Ended(output)) => {
            return match Outcome::from(finish(output)) {
                Outcome::Ended => {
                    Outcome::Failed("it returned without reaching its `yield_!`".into())
                }
                failed => failed,
            };
        }
        Err(signal) => {
            tracing::debug!(worker = seat.index, %signal, "stopped before it was ready");
            return Outcome::Ended;
        }
    }

    // 2. At the `yield_!`. The tasks that the body has spawned do the serving.
    phase.set(WorkerPhase::Serving);
    seat.control.report(&Report::Ready);
    let signal = match seat.run_to_completion {
        Some(signal) => signal,
        None => stopped.await,
    };

    // 3. To the end. What the context holds of the listeners is closed, so that the port is free as
    //    soon as the body lets go of its own handles.
    phase.set(WorkerPhase::Shutdown);
    shared.close_listeners();
    tracing::debug!(worker = seat.index, %signal, "stopping");
    Pin::new(&mut body).resume(signal);
    finish(poll_fn(|cx| Pin::new(&mut body).poll_cleanup(cx)).await).into()
}

/// Ready with the signal of the parent's order.
async fn stopped(mut stop: watch::Receiver<Option<Signal>>) -> Signal {
    let order = stop.wait_for(Option::is_some).await;
    // The ear is open for as long as the process lives.
    let signal = order.ok().and_then(|order| *order);
    match signal {
        Some(signal) => signal,
        None => pending().await,
    }
}

fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Outcome> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| Outcome::Panicked(panic_text(&*panic)))
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
        .to_owned()
}

/// The signals that come to this process itself.
struct Signals {
    control: Arc<WorkerEnd>,
    stop: Vec<(Signal, unix::Signal)>,
    /// Handlers that keep signals from ending this process. Unlike an ignored signal, they do not
    /// reach the programs that a worker may start.
    _ignored: Vec<unix::Signal>,
}

impl Signals {
    fn new(seat: &Seat) -> io::Result<Self> {
        let receive = |&signal: &Signal| Ok((signal, unix::signal(signal.into())?));
        let ignore = |&signal: &Signal| unix::signal(signal.into());
        Ok(Self {
            control: seat.control.clone(),
            stop: seat
                .stop_signals
                .iter()
                .map(receive)
                .collect::<io::Result<_>>()?,
            _ignored: seat
                .ignored_signals
                .iter()
                .map(ignore)
                .collect::<io::Result<_>>()?,
        })
    }

    /// Passes a stop signal on to the parent, who decides: it may have got it too, as by Ctrl-C, and
    /// then there is one stop and not two.
    fn poll(&mut self, cx: &mut Context<'_>) {
        for (signal, received) in &mut self.stop {
            while let Poll::Ready(Some(())) = received.poll_recv(cx) {
                self.control.report(&Report::Asked(*signal));
            }
        }
    }
}

//! Processes beside the workers, that run a plain function and have no runtime.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::SigSet;

use super::{
    Signal, WorkerPhase,
    body::ServerOutcome,
    builder::Prestart,
    context,
    control::{self, Order, Picture, Report, WorkerEnd},
    error::{BoxError, chain},
    privileges::WorkerRights,
    worker::{Outcome, Seat, die_with_parent, orphaned, panic_text},
};

/// What an extra process is given; see [`Server::extra_proc`](super::Server::extra_proc).
///
/// `C` is the type that the [main context](super::Server::main_context) yields and `A` that of the
/// [arguments](super::Server::args). It is a small copyable handle, good for the whole life of the
/// process.
pub struct ExtraContext<C: 'static = (), A: 'static = ()> {
    inner: &'static Inner<C, A>,
}

struct Inner<C: 'static, A> {
    main_context: &'static C,
    args: A,
    index: usize,
    stop: StopSignal,
}

impl<C: 'static, A: 'static> ExtraContext<C, A> {
    pub(super) fn new(seat: &Seat, main_context: &'static C, args: A) -> Self {
        Self {
            inner: Box::leak(Box::new(Inner {
                main_context,
                args,
                index: seat.index,
                stop: StopSignal::default(),
            })),
        }
    }

    /// How this process is told to stop.
    #[must_use]
    pub fn stop(&self) -> &'static StopSignal {
        &self.inner.stop
    }

    /// What the main context yielded. It is this process's copy, as of the fork; it is not dropped
    /// here.
    #[must_use]
    pub fn main_context(&self) -> &'static C {
        self.inner.main_context
    }

    /// What was given to [`Server::args`](super::Server::args). It is this process's copy, as of the
    /// fork; it is not dropped here.
    #[must_use]
    pub fn args(&self) -> &'static A {
        &self.inner.args
    }

    /// The index of this process: those of the extra processes follow those of the workers that the
    /// server starts with.
    #[must_use]
    pub fn process_index(&self) -> usize {
        self.inner.index
    }
}

impl<C: 'static, A: 'static> Clone for ExtraContext<C, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: 'static, A: 'static> Copy for ExtraContext<C, A> {}

impl<C: fmt::Debug, A: fmt::Debug> fmt::Debug for ExtraContext<C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtraContext")
            .field("process_index", &self.inner.index)
            .field("main_context", &self.inner.main_context)
            .field("args", &self.inner.args)
            .field("stop", &self.inner.stop)
            .finish()
    }
}

/// The stop signal of an extra process. It comes once, and stays.
///
/// The signals themselves are blocked in the process, so nothing is interrupted by one: wait here
/// instead of sleeping.
#[derive(Default)]
pub struct StopSignal {
    signal: Mutex<Option<Signal>>,
    come: Condvar,
}

impl StopSignal {
    /// Waits until the process is to stop.
    pub fn wait(&self) -> Signal {
        let mut signal = self.lock();
        loop {
            if let Some(signal) = *signal {
                return signal;
            }
            signal = self
                .come
                .wait(signal)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long at most; `None` if the process is to go on.
    pub fn wait_timeout(&self, limit: Duration) -> Option<Signal> {
        let Some(until) = Instant::now().checked_add(limit) else {
            return Some(self.wait());
        };
        let mut signal = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if signal.is_some() || left.is_zero() {
                return *signal;
            }
            let (next, _) = self
                .come
                .wait_timeout(signal, left)
                .unwrap_or_else(PoisonError::into_inner);
            signal = next;
        }
    }

    /// The signal, if it has come.
    #[must_use]
    pub fn get(&self) -> Option<Signal> {
        *self.lock()
    }

    fn set(&self, signal: Signal) {
        self.lock().get_or_insert(signal);
        self.come.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Signal>> {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopSignal").field(&self.get()).finish()
    }
}

/// The functions of the extra processes, as a nested pair: those before, and the last one.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an extra process of this server must be a function of `ExtraContext<{C}, {A}>`",
    note = "the first type is what the main context yields, the second what `args(..)` is given; `()` where there is none"
)]
pub trait ExtraProcs<C: 'static, A: 'static> {
    const COUNT: usize;

    fn call(self, number: usize, ctx: ExtraContext<C, A>) -> Result<(), BoxError>;
}

impl<C: 'static, A: 'static> ExtraProcs<C, A> for () {
    const COUNT: usize = 0;

    fn call(self, number: usize, _: ExtraContext<C, A>) -> Result<(), BoxError> {
        Err(format!("there is no extra process {number}").into())
    }
}

#[diagnostic::do_not_recommend]
impl<C: 'static, A: 'static, E, F, O> ExtraProcs<C, A> for (E, F)
where
    E: ExtraProcs<C, A>,
    F: FnOnce(ExtraContext<C, A>) -> O,
    O: ServerOutcome,
{
    const COUNT: usize = E::COUNT + 1;

    fn call(self, number: usize, ctx: ExtraContext<C, A>) -> Result<(), BoxError> {
        if number == E::COUNT {
            (self.1)(ctx).into_result()
        } else {
            self.0.call(number, ctx)
        }
    }
}

/// Runs an extra process and ends it.
pub(super) fn run(
    mut seat: Seat,
    stop: &'static StopSignal,
    rights: &WorkerRights,
    prestart: Vec<Prestart>,
    function: impl FnOnce() -> Result<(), BoxError>,
) -> ! {
    context::set_process_index(seat.index);
    // The signals stay blocked for good.
    let _mask = seat.mask.take();
    let mut code = 0;
    let mut phase = WorkerPhase::Initialization;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let prepared = rights
            .apply()
            .and_then(|()| die_with_parent(seat.parent))
            .map_err(BoxError::from)
            .and_then(|()| prestart.into_iter().try_for_each(|hook| hook(seat.index)))
            .and_then(|()| listen(&seat, stop).map_err(Into::into));
        if let Err(err) = prepared {
            return Outcome::Failed(format!(
                "cannot prepare the extra process: {}",
                chain(&*err)
            ));
        }
        phase = WorkerPhase::Serving;
        seat.control.report(&Report::Ready);
        Outcome::from(function())
    }));
    let outcome = outcome.unwrap_or_else(|panic| Outcome::Panicked(panic_text(&*panic)));
    if phase == WorkerPhase::Serving && stop.get().is_some() {
        phase = WorkerPhase::Shutdown;
    }
    code += outcome.report(&seat.control, phase);
    seat.control.report(&Report::Done);
    std::process::exit(code)
}

/// Hears the parent, and the signals that come to this process alone, each on a thread.
fn listen(seat: &Seat, stop: &'static StopSignal) -> std::io::Result<()> {
    let mut stream = seat.control.stream()?;
    let control = seat.control.clone();
    spawn("aiotools-control", move || {
        let mut bytes = [0; control::ORDER];
        loop {
            if std::io::Read::read_exact(&mut stream, &mut bytes).is_err() {
                orphaned();
            }
            obey(control::decode_order(bytes), stop, &control);
        }
    })?;
    let signals: SigSet = seat
        .stop_signals
        .iter()
        .map(|signal| signal.to_nix())
        .collect();
    let control = seat.control.clone();
    spawn("aiotools-signals", move || {
        while let Ok(signal) = signals.wait() {
            // The parent decides: it may have got it too, as by Ctrl-C.
            if let Some(signal) = Signal::from_raw(signal as i32) {
                control.report(&Report::Asked(signal));
            }
        }
    })
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    /// What the threads touch of it is little.
    const STACK: usize = 128 * 1024;
    let builder = thread::Builder::new().name(name.into()).stack_size(STACK);
    builder.spawn(body).map(drop)
}

fn obey(order: Option<Order>, stop: &StopSignal, control: &Arc<WorkerEnd>) {
    match order {
        Some(Order::Stop(signal)) => stop.set(signal),
        Some(Order::Ping) => control.report(&Report::Pong),
        Some(Order::Picture) => control.report(&Report::Picture(Picture {
            requests: 0,
            connections: 0,
            tree: crate::task::dump().to_string(),
        })),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_stop_signal_comes_once_and_stays() {
        let stop: &StopSignal = Box::leak(Box::default());
        assert_eq!(stop.get(), None);
        assert_eq!(stop.wait_timeout(Duration::from_millis(1)), None);
        let waits = [
            thread::spawn(|| stop.wait()),
            thread::spawn(|| stop.wait_timeout(Duration::MAX).unwrap()),
        ];
        stop.set(Signal::USR1);
        stop.set(Signal::TERM);
        for wait in waits {
            assert_eq!(wait.join().unwrap(), Signal::USR1);
        }
        assert_eq!(stop.wait_timeout(Duration::ZERO), Some(Signal::USR1));
    }
}

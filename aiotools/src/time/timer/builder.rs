//! [`TimerBuilder`] and [`create_timer`]: how a timer starts.

use std::{future::Future, panic::Location, sync::Arc, time::Duration};

use super::{
    drivers,
    entry::BoxWork,
    extra::{Extra, nanos},
    handle::Timer,
    policy::TimerDelayPolicy,
    table::New,
    work::{Inline, Replaced, Spawned},
};
use crate::task::{TaskError, TaskOutput, engine::Handler};

/// Starts a timer that calls `callback` every `interval`, the first time at once, and awaits what it returns.
///
/// The callback is given the interval. What it returns may fail (see [`TaskOutput`]); failures and panics go to `tracing`, or to the
/// handler of a [builder](TimerBuilder), and never stop the timer. If the timer is started inside a task group or a scope, it
/// belongs to that, and ends with it.
///
/// # Panics
///
/// If `interval` is zero. Outside a tokio runtime.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::{TimerDelayPolicy, create_timer};
///
/// let timer = create_timer(
///     |interval| async move { println!("{interval:?} have passed") },
///     Duration::from_secs(1),
///     TimerDelayPolicy::Cancel,
/// );
/// tokio::time::sleep(Duration::from_secs(60)).await;
/// timer.cancel().await;
/// # });
/// ```
#[track_caller]
pub fn create_timer<F, T>(callback: F, interval: Duration, policy: TimerDelayPolicy) -> Timer
where
    F: FnMut(Duration) -> T + Send + 'static,
    T: Future<Output: TaskOutput> + Send + 'static,
{
    TimerBuilder::new(interval).policy(policy).start(callback)
}

/// When a timer ticks for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimerStart {
    /// At once.
    #[default]
    Immediately,
    /// One interval after it was started.
    AfterInterval,
}

/// A timer before it starts: for what [`create_timer`] does not say.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::{io, time::Duration};
/// use aiotools::{TimerBuilder, TimerDelayPolicy, TimerStart};
///
/// let policy = TimerDelayPolicy::Accumulate; // from a configuration, say
/// let timer = TimerBuilder::new(Duration::from_secs(60))
///     .name("poll")
///     .policy(policy)
///     .max_running(4)
///     .first(TimerStart::AfterInterval)
///     .jitter(Duration::from_secs(5))
///     .on_error(|err| eprintln!("{err}"))
///     .start(|_| async { Err::<(), _>(io::Error::other("nobody is there")) });
/// tokio::time::sleep(Duration::from_secs(90)).await;
/// assert!(timer.is_running());
/// timer.cancel().await;
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct TimerBuilder {
    interval: Duration,
    policy: TimerDelayPolicy,
    first: TimerStart,
    name: Option<Arc<str>>,
    handler: Handler,
    jitter: Duration,
    max_running: Option<u32>,
    max_queued: Option<u32>,
    #[cfg(feature = "schedule")]
    schedule: Option<super::schedule::Schedule>,
}

impl TimerBuilder {
    /// A timer with this interval.
    ///
    /// # Panics
    ///
    /// If `interval` is zero.
    #[track_caller]
    pub fn new(interval: Duration) -> Self {
        assert!(
            !interval.is_zero(),
            "the interval of a timer must not be zero"
        );
        Self {
            interval,
            policy: TimerDelayPolicy::default(),
            first: TimerStart::default(),
            name: None,
            handler: Handler::Trace,
            jitter: Duration::ZERO,
            max_running: None,
            max_queued: None,
            #[cfg(feature = "schedule")]
            schedule: None,
        }
    }

    /// A timer that ticks by the wall clock. Its ticks are given a day as their interval.
    #[cfg(feature = "schedule")]
    pub fn scheduled(schedule: super::schedule::Schedule) -> Self {
        Self {
            schedule: Some(schedule),
            ..Self::new(Duration::from_secs(24 * 60 * 60))
        }
    }

    /// What happens when a tick is due while another one runs. By default, both run.
    pub fn policy(mut self, policy: TimerDelayPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// When the first tick is due. By default, at once. A wall-clock schedule has a say of its own.
    pub fn first(mut self, first: TimerStart) -> Self {
        self.first = first;
        self
    }

    /// The name of the timer and of its ticks, for errors and for [`dump`](crate::task::dump()).
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(name.as_ref().into());
        self
    }

    /// What is called with the failure and the panic of each tick. A handler that panics is itself reported, and stops nobody.
    pub fn on_error(mut self, handler: impl Fn(&TaskError) + Send + Sync + 'static) -> Self {
        self.handler = Handler::new(handler);
        self
    }

    /// Delays each tick by a random time below this, so that many timers do not all tick at once. An immediate first tick is not delayed.
    /// The schedule does not move: delays do not add up.
    ///
    /// # Panics
    ///
    /// If it is longer than the interval.
    #[track_caller]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        assert!(
            jitter <= self.interval,
            "the jitter of a timer must not be longer than its interval"
        );
        self.jitter = jitter;
        self
    }

    /// With `Accumulate`: how many ticks may run at once. One that is due while so many run is left out.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max_running(mut self, limit: u32) -> Self {
        assert!(limit > 0, "a timer with a limit of 0 would never tick");
        self.max_running = Some(limit);
        self
    }

    /// With `Queue`: how many ticks may wait for the one that runs. One more is left out.
    pub fn max_queued(mut self, limit: u32) -> Self {
        self.max_queued = Some(limit);
        self
    }

    fn extra(&self) -> Option<Box<Extra>> {
        let plain = self.name.is_none()
            && matches!(self.handler, Handler::Trace)
            && self.jitter.is_zero()
            && self.max_running.is_none()
            && self.max_queued.is_none();
        #[cfg(feature = "schedule")]
        let plain = plain && self.schedule.is_none();
        if plain {
            return None;
        }
        let mut extra = Box::new(Extra {
            name: self.name.clone(),
            handler: self.handler.clone(),
            max_running: self.max_running.unwrap_or(u32::MAX),
            max_queued: self.max_queued.unwrap_or(u32::MAX),
            ..Extra::default()
        });
        if !self.jitter.is_zero() {
            extra.set_jitter(self.jitter);
        }
        Some(extra)
    }

    /// Starts the timer.
    ///
    /// In a group that has ended already it never ticks, and has stopped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn start<F, T>(self, callback: F) -> Timer
    where
        F: FnMut(Duration) -> T + Send + 'static,
        T: Future<Output: TaskOutput> + Send + 'static,
    {
        let work: BoxWork = match self.policy {
            TimerDelayPolicy::Skip | TimerDelayPolicy::Queue => Box::pin(Inline::new(callback)),
            TimerDelayPolicy::Accumulate => Box::pin(Spawned(callback)),
            TimerDelayPolicy::Cancel => Box::pin(Replaced::new(callback)),
        };
        self.start_work(work, Location::caller())
    }

    fn start_work(self, work: BoxWork, location: &'static Location<'static>) -> Timer {
        let mut extra = self.extra();
        let interval = nanos(self.interval);
        let mut work = Some(work);
        loop {
            let shared = drivers::here(location);
            let mut table = shared.lock();
            let refused = table.closed && table.refused;
            if table.closed && !refused {
                // It has ended just now: the next one is another.
                continue;
            }
            let Some(work) = work.take() else { continue };
            let now = shared.now();
            table.see(now);
            let mut first = match self.first {
                TimerStart::Immediately => now,
                TimerStart::AfterInterval => now.saturating_add(interval),
            };
            if self.first == TimerStart::AfterInterval
                && let Some(extra) = &mut extra
            {
                extra.roll();
            }
            #[cfg(feature = "schedule")]
            if let (Some(extra), Some(schedule)) = (&mut extra, &self.schedule) {
                let (scheduled, next) = super::schedule::Scheduled::begin(schedule, now);
                extra.schedule = Some(scheduled);
                first = next.at;
            }
            if let Some(extra) = &extra {
                first = first.saturating_add(extra.shift);
            }
            let new = New {
                work,
                extra: extra.take(),
                policy: self.policy,
                interval,
                first,
                location,
            };
            let (key, generation) = table.insert(new);
            let garbage = if refused { table.refuse(key) } else { None };
            let waker = table.waker_for(first);
            drop(table);
            drop(garbage);
            if let Some(waker) = waker {
                waker.wake();
            }
            return Timer::new(shared, key, generation);
        }
    }
}

/// What an argument of a timer has to be: cloned for each tick, and sent with it.
#[diagnostic::on_unimplemented(
    message = "an argument of a timer is cloned for each tick and goes with it, and `{Self}` cannot",
    label = "`{Self}` is not `Clone + Send + 'static`",
    note = "if it is not `Clone`, wrap it in an `Arc`: `Arc<{Self}>`"
)]
pub trait TimerArgument: Clone + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + 'static> TimerArgument for T {}

/// What expanded timers call to clone an argument.
pub fn clone_argument<T: TimerArgument>(argument: &T) -> T {
    argument.clone()
}

/// What expanded timers call to start.
#[track_caller]
pub fn start_timer<F, T>(builder: TimerBuilder, callback: F) -> Timer
where
    F: FnMut(Duration) -> T + Send + 'static,
    T: Future<Output: TaskOutput> + Send + 'static,
{
    builder.start(callback)
}

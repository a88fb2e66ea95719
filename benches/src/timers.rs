//! Many timers at once, in all shapes, on a clock that is paused.

use std::{
    any::Any,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use aiotools::{Timer, TimerBuilder, TimerDelayPolicy as Policy, TimerStart};
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    time::{interval, sleep},
};
use tokio_util::time::DelayQueue;

const MS: Duration = Duration::from_millis(1);

/// In which shapes there may be many timers. A task each is what the others are compared with.
pub const SHAPES: [&str; 5] = [
    "interval",
    "interval + spawn",
    "DelayQueue",
    "aiotools, Skip",
    "aiotools, Accumulate",
];

/// What is ticking, kept so that it goes on.
type Ticking = Box<dyn Any>;

/// So many timers, of which so many tick in each ms.
#[must_use = "it ticks while it is sampled"]
pub struct Crowd {
    runtime: Runtime,
    count: &'static AtomicU64,
    /// ns for each tick, of each sample.
    samples: Vec<f64>,
    timers: Vec<Ticking>,
}

impl std::fmt::Debug for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crowd").finish_non_exhaustive()
    }
}

/// How the timers of a crowd begin. Those that tick together do not lie together, as in a program that has run for long.
struct Plan {
    timers: u32,
    /// In ms.
    period: u32,
    /// All shapes count in the same place, which costs the same for each.
    count: &'static AtomicU64,
}

impl Crowd {
    /// Starts them, and lets all tick once.
    ///
    /// # Panics
    ///
    /// If there is no such shape.
    pub fn new(shape: &str, timers: u32, per_ms: u32) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let count = Box::leak(Box::new(AtomicU64::new(0)));
        let plan = Plan {
            timers,
            period: timers / per_ms,
            count,
        };
        let timers = runtime.block_on(async {
            let timers = plan.start(shape).await;
            sleep(MS * plan.period * 2).await;
            timers
        });
        Self {
            runtime,
            count,
            samples: Vec::new(),
            timers,
        }
    }

    /// Lets so many ms pass.
    pub fn sample(&mut self, ms: u32) {
        let (ticks, began) = (self.ticks(), Instant::now());
        self.runtime.block_on(async { sleep(MS * ms).await });
        let took = began.elapsed().as_nanos() as f64;
        self.samples.push(took / (self.ticks() - ticks) as f64);
    }

    /// The 10th percentile, the median and the 90th percentile of the samples.
    #[must_use]
    pub fn percentiles(&self) -> [f64; 3] {
        let mut samples = self.samples.clone();
        samples.sort_by(f64::total_cmp);
        [1, 5, 9].map(|tenth| samples[samples.len() * tenth / 10])
    }

    /// What it holds that no timer needs: their handles, and the list of those.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        let handles: usize = self.timers.iter().map(|timer| size_of_val(&**timer)).sum();
        handles + self.timers.capacity() * size_of::<Ticking>()
    }

    /// How many ticks there were.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

impl Plan {
    fn offset(&self, n: u32) -> u32 {
        (u64::from(n) * 7919 % u64::from(self.period)) as u32
    }

    async fn start(&self, shape: &str) -> Vec<Ticking> {
        match shape {
            "interval" => self.tasks(|count| {
                count.fetch_add(1, Relaxed);
            }),
            "interval + spawn" => self.tasks(|count| {
                tokio::spawn(async move {
                    count.fetch_add(1, Relaxed);
                });
            }),
            "DelayQueue" => vec![self.queue()],
            "aiotools, Skip" => self.own(Policy::Skip).await,
            "aiotools, Accumulate" => self.own(Policy::Accumulate).await,
            _ => panic!("no such shape: {shape}"),
        }
    }

    fn tasks(&self, tick: impl Fn(&'static AtomicU64) + Copy + Send + 'static) -> Vec<Ticking> {
        let start = |n| {
            let (offset, period) = (MS * self.offset(n), MS * self.period);
            let count = self.count;
            let task = tokio::spawn(async move {
                sleep(offset).await;
                let mut ticks = interval(period);
                loop {
                    ticks.tick().await;
                    tick(count);
                }
            });
            Box::new(task) as Ticking
        };
        (0..self.timers).map(start).collect()
    }

    fn queue(&self) -> Ticking {
        let mut delays = DelayQueue::new();
        for n in 0..self.timers {
            delays.insert((), MS * (self.offset(n) + 1));
        }
        let (count, period) = (self.count, MS * self.period);
        Box::new(tokio::spawn(async move {
            while delays.next().await.is_some() {
                count.fetch_add(1, Relaxed);
                delays.insert((), period);
            }
        }))
    }

    async fn own(&self, policy: Policy) -> Vec<Ticking> {
        let count = self.count;
        let start = |_| {
            TimerBuilder::new(Duration::MAX)
                .policy(policy)
                .first(TimerStart::AfterInterval)
                .start(move |_| async move {
                    count.fetch_add(1, Relaxed);
                })
        };
        let timers: Vec<Timer> = (0..self.timers).map(start).collect();
        let mut order: Vec<u32> = (0..self.timers).collect();
        order.sort_by_key(|n| self.offset(*n));
        let mut now = 0;
        for n in order {
            if self.offset(n) > now {
                sleep(MS * (self.offset(n) - now)).await;
                now = self.offset(n);
            }
            timers[n as usize].set_interval(MS * self.period);
        }
        let boxed = timers.into_iter().map(|timer| Box::new(timer) as Ticking);
        boxed.collect()
    }
}

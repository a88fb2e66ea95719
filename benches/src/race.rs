//! Contenders in one run, in interleaved rounds.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::{Samples, setting, within};

/// One way to do the work.
struct Contender<'a> {
    name: String,
    run: Box<dyn FnMut(u32) -> Option<Duration> + 'a>,
    iterations: u32,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A question of time with several contenders; the first one added is what the others are compared with.
#[derive(Debug)]
#[must_use = "it starts with `run`"]
pub struct Race<'a> {
    title: String,
    contenders: Vec<Contender<'a>>,
    goals: Vec<(String, String, f64)>,
    pieces: usize,
    rounds: usize,
}

impl<'a> Race<'a> {
    /// A race without contenders.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            contenders: Vec::new(),
            goals: Vec::new(),
            pieces: 1,
            rounds: setting("ROUNDS", 150),
        }
    }

    /// How many pieces of work one iteration is: times are for one piece.
    pub fn pieces(mut self, pieces: usize) -> Self {
        self.pieces = pieces;
        self
    }

    /// For work that takes long: a part of the rounds that others have, and no fewer than 5.
    pub fn fewer_rounds(mut self, divisor: usize) -> Self {
        self.rounds = (self.rounds / divisor).max(5);
        self
    }

    /// Adds a contender: `run(n)` does the work `n` times.
    pub fn contender(self, name: impl Into<String>, mut run: impl FnMut(u32) + 'a) -> Self {
        self.timed(name, move |n| {
            run(n);
            None
        })
    }

    /// Adds a contender that looks at the clock itself, where a part of its work is not to be counted.
    pub fn stopwatch(
        self,
        name: impl Into<String>,
        mut run: impl FnMut(u32) -> Duration + 'a,
    ) -> Self {
        self.timed(name, move |n| Some(run(n)))
    }

    /// Adds a contender that is run in a task of `runtime`, as often as it has to be.
    pub fn task<W, F>(self, name: impl Into<String>, runtime: &'a Runtime, work: W) -> Self
    where
        W: Fn() -> F + Copy + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        self.contender(name, move |times| {
            within(runtime, async move {
                for _ in 0..times {
                    work().await;
                }
            });
        })
    }

    /// The same, where the work says how long that part of it took which counts.
    pub fn timed_task<W, F>(self, name: impl Into<String>, runtime: &'a Runtime, work: W) -> Self
    where
        W: Fn() -> F + Copy + Send + 'static,
        F: Future<Output = Duration> + Send,
    {
        self.stopwatch(name, move |times| {
            within(runtime, async move {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    took += work().await;
                }
                took
            })
        })
    }

    fn timed(
        mut self,
        name: impl Into<String>,
        run: impl FnMut(u32) -> Option<Duration> + 'a,
    ) -> Self {
        self.contenders.push(Contender {
            name: name.into(),
            run: Box::new(run),
            iterations: 1,
        });
        self
    }

    /// What is hoped for: `name` takes at most this many times the time of `peer`.
    pub fn goal(mut self, name: impl Into<String>, peer: impl Into<String>, at_most: f64) -> Self {
        self.goals.push((name.into(), peer.into(), at_most));
        self
    }

    /// Runs the race and shows nanoseconds for one piece of work; gives the low percentile of each contender, in their order.
    pub fn run(mut self) -> Vec<f64> {
        const SAMPLE: Duration = Duration::from_millis(1);
        for contender in &mut self.contenders {
            contender.calibrate(SAMPLE);
        }
        let mut samples = Samples::default();
        for _ in 0..self.rounds {
            for contender in &mut self.contenders {
                let nanos = contender.sample().as_nanos() as f64;
                let pieces = f64::from(contender.iterations) * self.pieces as f64;
                samples.add(&contender.name, nanos / pieces);
            }
        }
        let mut table = samples.table(self.title, "ns");
        for (name, peer, at_most) in self.goals {
            table = table.goal(name, peer, at_most);
        }
        table.show();
        samples.lows()
    }
}

impl Contender<'_> {
    fn calibrate(&mut self, sample: Duration) {
        while self.sample() < sample && self.iterations < 1 << 24 {
            self.iterations *= 2;
        }
    }

    fn sample(&mut self) -> Duration {
        let start = Instant::now();
        let timed = (self.run)(self.iterations);
        timed.unwrap_or_else(|| start.elapsed())
    }
}

//! The harness of the benches: contenders in one run, in interleaved rounds, as ratios.
//!
//! Times on a shared machine are only ever too long. So each sample is short (about a millisecond), the
//! contenders take turns, and the 10th percentile of many rounds is quoted; the median stands beside it,
//! to show how noisy the machine was.

use std::time::{Duration, Instant};

/// One way to do the work of a bench.
struct Contender<'a> {
    name: &'a str,
    run: Box<dyn FnMut(u32) + 'a>,
    samples: Vec<f64>,
    iterations: u32,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A question with several contenders; the first one added is what the others are compared with.
#[derive(Debug)]
pub struct Race<'a> {
    question: &'a str,
    contenders: Vec<Contender<'a>>,
}

impl<'a> Race<'a> {
    /// A race without contenders.
    #[must_use]
    pub fn new(question: &'a str) -> Self {
        Self {
            question,
            contenders: Vec::new(),
        }
    }

    /// Adds a contender: `run(n)` does the work `n` times.
    #[must_use]
    pub fn contender(mut self, name: &'a str, run: impl FnMut(u32) + 'a) -> Self {
        self.contenders.push(Contender {
            name,
            run: Box::new(run),
            samples: Vec::new(),
            iterations: 1,
        });
        self
    }

    /// Runs the race and prints a table of nanoseconds for one piece of work, and ratios to the first.
    ///
    /// # Panics
    ///
    /// Without contenders.
    pub fn run(mut self) {
        const SAMPLE: Duration = Duration::from_millis(1);
        let rounds: usize = std::env::var("ROUNDS")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(150);
        for contender in &mut self.contenders {
            contender.calibrate(SAMPLE);
        }
        for _ in 0..rounds {
            for contender in &mut self.contenders {
                let nanos = contender.sample();
                contender.samples.push(nanos);
            }
        }
        println!("\n{}", self.question);
        println!(
            "{:<44} {:>10} {:>8} {:>10}",
            "", "p10 ns", "ratio", "median ns"
        );
        let mut first = None;
        for contender in &mut self.contenders {
            contender.samples.sort_by(f64::total_cmp);
            let p10 = contender.samples[contender.samples.len() / 10];
            let median = contender.samples[contender.samples.len() / 2];
            let first = *first.get_or_insert(p10);
            println!(
                "{:<44} {p10:>10.1} {:>8.2} {median:>10.1}",
                contender.name,
                p10 / first
            );
        }
    }
}

impl Contender<'_> {
    fn calibrate(&mut self, sample: Duration) {
        loop {
            let start = Instant::now();
            (self.run)(self.iterations);
            let took = start.elapsed();
            if took >= sample || self.iterations >= 1 << 24 {
                return;
            }
            self.iterations *= 2;
        }
    }

    fn sample(&mut self) -> f64 {
        let start = Instant::now();
        (self.run)(self.iterations);
        start.elapsed().as_nanos() as f64 / f64::from(self.iterations)
    }
}

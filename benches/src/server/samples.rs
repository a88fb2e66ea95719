//! What came of each server, round by round.

use std::time::Duration;

use crate::Table;

/// The samples of several contenders. Costs, all of them: a busy machine only ever adds.
#[derive(Debug, Default)]
pub struct Samples(Vec<(String, Vec<f64>)>);

impl Samples {
    /// Adds what came of a round.
    pub fn add(&mut self, name: impl AsRef<str>, sample: f64) {
        let name = name.as_ref();
        match self.0.iter_mut().find(|(row, _)| row == name) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((name.to_owned(), vec![sample])),
        }
    }

    /// The table of them: the 10th percentile, the median and the 90th.
    pub fn table(&self, title: impl Into<String>, unit: &str) -> Table {
        let rows = self.0.iter();
        rows.fold(Table::new(title, unit), |table, (name, samples)| {
            let at = |part| percentile(samples.clone(), part, f64::total_cmp);
            table.sampled(name, at(0.1), at(0.5), at(0.9))
        })
    }

    /// The same with the goals that can be checked: `(name, peer, at most)`; a peer may be left out.
    pub fn show(&self, title: impl Into<String>, unit: &str, goals: &[(&str, &str, f64)]) {
        let is_there = |name: &str| self.0.iter().any(|(row, _)| row == name);
        let goals = goals
            .iter()
            .filter(|(name, peer, _)| is_there(name) && is_there(peer));
        goals
            .fold(self.table(title, unit), |table, (name, peer, at_most)| {
                table.goal(*name, *peer, *at_most)
            })
            .show();
    }
}

/// The 99th percentile of these latencies.
#[must_use]
pub fn tail(took: Vec<Duration>) -> Duration {
    percentile(took, 0.99, Duration::cmp)
}

/// Half of these latencies are lower.
#[must_use]
pub fn median(took: Vec<Duration>) -> Duration {
    percentile(took, 0.5, Duration::cmp)
}

fn percentile<T: Copy>(
    mut samples: Vec<T>,
    part: f64,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> T {
    samples.sort_by(order);
    samples[(samples.len() as f64 * part) as usize]
}

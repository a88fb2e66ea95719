//! What came of each contender, round by round.

use crate::Table;

/// The samples of several contenders. Costs, all of them: a busy machine only ever adds.
#[derive(Debug, Default)]
pub struct Samples {
    rows: Vec<(String, Vec<f64>)>,
    by_median: bool,
}

impl Samples {
    /// Samples of which the medians are compared, not the 10th percentiles: where a low number is luck.
    #[must_use]
    pub fn by_median() -> Self {
        Self {
            by_median: true,
            ..Self::default()
        }
    }

    /// Adds what came of a round.
    pub fn add(&mut self, name: impl AsRef<str>, sample: f64) {
        let name = name.as_ref();
        match self.rows.iter_mut().find(|(row, _)| row == name) {
            Some((_, samples)) => samples.push(sample),
            None => self.rows.push((name.to_owned(), vec![sample])),
        }
    }

    /// The table of them.
    pub fn table(&self, title: impl Into<String>, unit: &str) -> Table {
        let table = Table::new(title, unit);
        let table = if self.by_median {
            table.by_median()
        } else {
            table
        };
        self.rows.iter().fold(table, |table, (name, samples)| {
            let at = |part| percentile(samples.clone(), part, f64::total_cmp);
            table.sampled(name, at(0.1), at(0.5), at(0.9))
        })
    }

    /// The 10th percentile of each, in the order in which they were added.
    #[must_use]
    pub fn lows(&self) -> Vec<f64> {
        let rows = self.rows.iter();
        rows.map(|(_, samples)| percentile(samples.clone(), 0.1, f64::total_cmp))
            .collect()
    }

    /// Shows the table with goals: `(name, peer, at most)`.
    pub fn show(&self, title: impl Into<String>, unit: &str, goals: &[(&str, &str, f64)]) {
        let table = self.table(title, unit);
        goals
            .iter()
            .fold(table, |table, (name, peer, at_most)| {
                table.goal(*name, *peer, *at_most)
            })
            .show();
    }
}

/// What this part of the samples is below.
pub(crate) fn percentile<T: Copy>(
    mut samples: Vec<T>,
    part: f64,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> T {
    samples.sort_by(order);
    samples[(samples.len() as f64 * part) as usize]
}

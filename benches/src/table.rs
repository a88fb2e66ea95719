//! An answer: rows of numbers, what they are compared with, and what was hoped for.

use std::{fmt::Write as _, fs, io::Write as _, path::PathBuf};

/// One number of a contender, with its spread if it was sampled.
#[derive(Debug)]
struct Row {
    name: String,
    value: f64,
    median: f64,
    high: f64,
}

/// "At most this times that one."
#[derive(Debug)]
struct Goal {
    name: String,
    peer: String,
    at_most: f64,
}

/// The numbers of several contenders for one question; the first is what the others are shown as ratios of.
#[derive(Debug)]
#[must_use = "it is printed by `show`"]
pub struct Table {
    title: String,
    unit: String,
    rows: Vec<Row>,
    goals: Vec<Goal>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            rows: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// A number that has no spread.
    pub fn row(self, name: impl Into<String>, value: f64) -> Self {
        self.sampled(name, value, value, value)
    }

    /// A number that was sampled: its 10th percentile, median, and 90th percentile.
    pub fn sampled(mut self, name: impl Into<String>, low: f64, median: f64, high: f64) -> Self {
        self.rows.push(Row {
            name: name.into(),
            value: low,
            median,
            high,
        });
        self
    }

    /// What is hoped for: `name` takes at most this many times what `peer` takes.
    pub fn goal(mut self, name: impl Into<String>, peer: impl Into<String>, at_most: f64) -> Self {
        self.goals.push(Goal {
            name: name.into(),
            peer: peer.into(),
            at_most,
        });
        self
    }

    fn value(&self, name: &str) -> f64 {
        self.rows
            .iter()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("`{}` has no row `{name}`", self.title))
            .value
    }

    /// Prints it, and writes it down for `scripts/bench`.
    ///
    /// # Panics
    ///
    /// If a goal names a row that is not there.
    pub fn show(&self) {
        let unit = &self.unit;
        println!("\n{}", self.title);
        println!("  {:<44} {unit:>14} {:>7}   spread", "", "ratio");
        let first = self.rows.first().map_or(1.0, |row| row.value);
        let mut record = String::new();
        for row in &self.rows {
            let Row {
                name,
                value,
                median,
                high,
            } = row;
            let ratio = value / first;
            print!("  {name:<44} {value:>14.1} {ratio:>7.2}");
            if high > value {
                print!("   {median:.1} … {high:.1}");
            }
            println!();
            let title = &self.title;
            let _ = writeln!(
                record,
                "row\t{title}\t{unit}\t{name}\t{value:.2}\t{median:.2}\t{high:.2}"
            );
        }
        for goal in &self.goals {
            let Goal {
                name,
                peer,
                at_most,
            } = goal;
            let ratio = self.value(name) / self.value(peer);
            let met = if ratio <= *at_most { "met" } else { "missed" };
            println!("  {name} / {peer}: {ratio:.2}, goal {at_most:.2} {met}");
            let title = &self.title;
            let _ = writeln!(
                record,
                "goal\t{title}\t{name}\t{peer}\t{ratio:.3}\t{at_most}"
            );
        }
        write_down(&record);
    }
}

/// A cost over a size: flat, or not.
#[derive(Debug)]
#[must_use = "it is printed by `show`"]
pub struct Curve {
    title: String,
    unit: String,
    points: Vec<(String, f64, f64)>,
    flat_within: Option<f64>,
}

impl Curve {
    /// A curve without points; `unit` is that of the cost.
    pub fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            points: Vec::new(),
            flat_within: None,
        }
    }

    /// The cost at a size, for one of the contenders.
    pub fn point(&mut self, name: &str, size: f64, cost: f64) {
        self.points.push((name.to_owned(), size, cost));
    }

    /// What is hoped for: the highest cost of the first contender is at most this many times its lowest.
    pub fn flat_within(mut self, at_most: f64) -> Self {
        self.flat_within = Some(at_most);
        self
    }

    /// Prints it, and writes it down for `scripts/bench`.
    pub fn show(&self) {
        let Self {
            title,
            unit,
            points,
            ..
        } = self;
        println!("\n{title} ({unit})");
        let mut record = String::new();
        for (name, size, cost) in points {
            println!("  {name:<44} {size:>12} {cost:>12.1}");
            let _ = writeln!(record, "point\t{title}\t{unit}\t{name}\t{size}\t{cost:.2}");
        }
        if let (Some(at_most), Some((first, ..))) = (self.flat_within, points.first()) {
            let costs = || points.iter().filter(|(name, ..)| name == first);
            let low = costs().map(|(.., cost)| *cost).fold(f64::MAX, f64::min);
            let high = costs().map(|(.., cost)| *cost).fold(0.0, f64::max);
            let ratio = high / low;
            println!("  highest / lowest: {ratio:.2}, goal {at_most}");
            let _ = writeln!(
                record,
                "goal\t{title}\tthe highest\tthe lowest\t{ratio:.3}\t{at_most}"
            );
        }
        write_down(&record);
    }
}

/// Appends to the file of this bench, if somebody collects them.
fn write_down(record: &str) {
    let Some(directory) = std::env::var_os("AIOTOOLS_BENCH_OUT").map(PathBuf::from) else {
        return;
    };
    let bench = std::env::args().next().unwrap_or_default();
    let bench = PathBuf::from(bench);
    // `spawn_join-0123456789abcdef`: without what cargo adds.
    let name = bench.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.split('-').next().unwrap_or_default();
    let written = fs::create_dir_all(&directory).and_then(|()| {
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join(format!("{name}.tsv")))?
            .write_all(record.as_bytes())
    });
    if let Err(error) = written {
        eprintln!("{}: {error}", directory.display());
    }
}

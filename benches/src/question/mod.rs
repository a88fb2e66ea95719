//! A question that a bench asks, with the answer: how it is printed, and how it is handed to the report.

mod curve;
mod goal;
mod record;
mod row;
mod table;

use std::{fmt::Write as _, fs, io::Write as _, path::PathBuf};

pub use self::{
    curve::Curve,
    goal::Goal,
    row::{Point, Quoted, Row},
    table::Table,
};

/// Numbers with one unit under one title: rows of contenders, or points of a curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// What it is about; no two of a bench have the same.
    pub title: String,
    /// Of all its numbers.
    pub unit: String,
    /// Which number of a row is compared.
    pub quoted: Quoted,
    /// The contenders; the first is what the others are shown as ratios of.
    pub rows: Vec<Row>,
    /// What a curve is made of, in place of rows.
    pub points: Vec<Point>,
    /// What was hoped for.
    pub goals: Vec<Goal>,
}

impl Question {
    fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            ..Self::default()
        }
    }

    /// Prints it, and writes it down for `scripts/bench`.
    fn show(&self) {
        print!("{}", self.printed());
        self.write_down();
    }

    fn printed(&self) -> String {
        let mut text = String::new();
        let Self { title, unit, .. } = self;
        let _ = writeln!(text, "\n{title}");
        if !self.rows.is_empty() {
            let spread = self.quoted.spread().join(" … ");
            let _ = writeln!(text, "  {:<44} {unit:>14} {:>7}   {spread}", "", "ratio");
        }
        for row in &self.rows {
            let value = number(row.quoted(self.quoted));
            let _ = write!(
                text,
                "  {:<44} {value:>14} {:>7}",
                row.name,
                self.ratio(row)
            );
            if row.is_sampled() {
                let [low, high] = row.spread(self.quoted).map(number);
                let _ = write!(text, "   {low} … {high}");
            }
            text.push('\n');
        }
        for Point { name, size, cost } in &self.points {
            let _ = writeln!(text, "  {name:<44} {size:>12} {:>12} {unit}", number(*cost));
        }
        for goal in &self.goals {
            let _ = writeln!(text, "  {goal}");
        }
        text
    }

    /// How many times the first row a row is; a dash where the first is nothing.
    #[must_use]
    pub fn ratio(&self, row: &Row) -> String {
        let first = self.rows[0].quoted(self.quoted);
        if first == 0.0 {
            "–".to_owned()
        } else {
            format!("{:.2}", row.quoted(self.quoted) / first)
        }
    }

    /// Appends to the file of this bench, if somebody collects them.
    fn write_down(&self) {
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
                .write_all(self.recorded().as_bytes())
        });
        if let Err(error) = written {
            eprintln!("{}: {error}", directory.display());
        }
    }
}

/// A number with about as many digits as it deserves.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1_000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_ratio() {
        let table = Table::new("calls", "").row("a", 0.0).row("b", 2.0);
        let text = table.into_question().printed();
        assert!(
            text.contains('–') && !text.contains("NaN") && !text.contains("inf"),
            "{text}"
        );
    }

    #[test]
    fn a_table_by_medians_compares_medians() {
        let table = Table::new("shares", "%")
            .sampled("a", 1.0, 4.0, 9.0)
            .sampled("b", 1.0, 2.0, 9.0)
            .by_median()
            .goal("b", "a", 0.5);
        let question = table.into_question();
        assert_eq!(question.ratio(&question.rows[1]), "0.50");
        assert_eq!(question.goals[0].verdict(), "met");
    }
}

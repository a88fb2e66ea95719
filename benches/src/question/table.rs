//! Contenders side by side.

use super::{Goal, Question, Quoted, Row};

/// A goal, before the numbers are there.
#[derive(Debug)]
enum Wish {
    /// At most this many times that one.
    Times(String),
    /// At most so much more than that one.
    More(String),
    /// At most this.
    Most,
}

/// The numbers of several contenders for one question; the first is what the others are shown as ratios of.
#[derive(Debug)]
#[must_use = "it is printed by `show`"]
pub struct Table {
    question: Question,
    wishes: Vec<(String, Wish, f64)>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            question: Question::new(title, unit),
            wishes: Vec::new(),
        }
    }

    /// Compares medians, not 10th percentiles: where a low number is luck.
    pub fn by_median(mut self) -> Self {
        self.question.quoted = Quoted::Median;
        self
    }

    /// A number that has no spread.
    pub fn row(self, name: impl Into<String>, value: f64) -> Self {
        self.sampled(name, value, value, value)
    }

    /// A number that was sampled: its 10th percentile, median, and 90th percentile.
    pub fn sampled(mut self, name: impl Into<String>, low: f64, median: f64, high: f64) -> Self {
        self.question.rows.push(Row {
            name: name.into(),
            numbers: [low, median, high],
        });
        self
    }

    /// What is hoped for: `name` takes at most this many times what `peer` takes.
    pub fn goal(self, name: impl Into<String>, peer: impl Into<String>, at_most: f64) -> Self {
        self.wish(name, Wish::Times(peer.into()), at_most)
    }

    /// What is hoped for: `name` takes at most so much more than `peer` takes.
    pub fn goal_more(self, name: impl Into<String>, peer: impl Into<String>, more: f64) -> Self {
        self.wish(name, Wish::More(peer.into()), more)
    }

    /// What is hoped for: `name` takes at most this.
    pub fn goal_most(self, name: impl Into<String>, at_most: f64) -> Self {
        self.wish(name, Wish::Most, at_most)
    }

    fn wish(mut self, name: impl Into<String>, wish: Wish, at_most: f64) -> Self {
        self.wishes.push((name.into(), wish, at_most));
        self
    }

    /// `None` where the contender did not take part.
    fn value(&self, name: &str) -> Option<f64> {
        let row = self.question.rows.iter().find(|row| row.name == name)?;
        Some(row.quoted(self.question.quoted))
    }

    pub(super) fn into_question(mut self) -> Question {
        let unit = match &*self.question.unit {
            "" => String::new(),
            unit => format!(", {unit}"),
        };
        for (name, wish, at_most) in std::mem::take(&mut self.wishes) {
            let value = self.value(&name);
            let with = |peer: &str, f: fn(f64, f64) -> f64| Some(f(value?, self.value(peer)?));
            let goal = match wish {
                Wish::Times(peer) => {
                    let times = with(&peer, |value, peer| value / peer);
                    Goal::new(format!("{name} / {peer}"), times, at_most)
                }
                Wish::More(peer) => {
                    let more = with(&peer, |value, peer| value - peer);
                    Goal::new(format!("{name}, more than {peer}{unit}"), more, at_most)
                }
                Wish::Most => Goal::new(format!("{name}{unit}"), value, at_most),
            };
            self.question.goals.push(goal);
        }
        self.question
    }

    /// Prints it, and writes it down for `scripts/bench`.
    pub fn show(self) {
        self.into_question().show();
    }
}

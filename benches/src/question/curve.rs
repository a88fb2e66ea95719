//! A cost over a size: flat, or not.

use super::{Goal, Point, Question};

/// How much a curve may rise.
#[derive(Clone, Copy, Debug)]
enum Rise {
    /// From its lowest point to its highest.
    Anywhere,
    /// From its lowest point to its last.
    InTheEnd,
}

/// What one costs, over how many there are.
#[derive(Debug)]
#[must_use = "it is printed by `show`"]
pub struct Curve {
    question: Question,
    wish: Option<(Rise, f64)>,
}

impl Curve {
    /// A curve without points; `unit` is that of the cost.
    pub fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            question: Question::new(title, unit),
            wish: None,
        }
    }

    /// The cost at a size, for one of the contenders.
    pub fn point(&mut self, name: &str, size: f64, cost: f64) {
        let name = name.to_owned();
        self.question.points.push(Point { name, size, cost });
    }

    /// What is hoped for: the highest cost of the first contender is at most this many times its lowest.
    pub fn flat_within(mut self, at_most: f64) -> Self {
        self.wish = Some((Rise::Anywhere, at_most));
        self
    }

    /// What is hoped for: the last cost of the first contender is at most this many times its lowest, wherever that is: for one in many,
    /// where what all of them share makes one in few dear.
    pub fn grows_within(mut self, at_most: f64) -> Self {
        self.wish = Some((Rise::InTheEnd, at_most));
        self
    }

    /// Prints it, and writes it down for `scripts/bench`.
    pub fn show(mut self) {
        if let Some((rise, at_most)) = self.wish
            && let Some(first) = self.question.points.first()
        {
            let points = self.question.points.iter();
            let costs: Vec<f64> = points
                .filter(|point| point.name == first.name)
                .map(|point| point.cost)
                .collect();
            let lowest = costs.iter().copied().fold(f64::MAX, f64::min);
            let (to, what) = match rise {
                Rise::Anywhere => (
                    costs.iter().copied().fold(0.0, f64::max),
                    "highest / lowest",
                ),
                Rise::InTheEnd => (costs[costs.len() - 1], "last / lowest"),
            };
            let name = format!("{}, {what}", first.name);
            let goal = Goal::new(name, Some(to / lowest), at_most);
            self.question.goals.push(goal);
        }
        self.question.show();
    }
}

//! What was hoped for.

use std::fmt;

/// Something that is to be at most this.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is to be low.
    pub name: String,
    /// What came out, rounded to three digits, so that what is shown is what is compared; `None` where one of the contenders did not take
    /// part.
    pub measured: Option<f64>,
    /// What was hoped for.
    pub at_most: f64,
}

impl Goal {
    pub(super) fn new(name: String, measured: Option<f64>, at_most: f64) -> Self {
        Self {
            name,
            measured: measured.map(|measured| (measured * 1e3).round() / 1e3),
            at_most,
        }
    }

    /// Whether it was reached.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        Some(self.measured? <= self.at_most)
    }

    /// How many times what was hoped for it is: above 1 if that was missed.
    #[must_use]
    pub fn behind(&self) -> f64 {
        match self.measured {
            Some(measured) if measured > 0.0 => measured / self.at_most,
            _ => 0.0, // Also where nothing was hoped for.
        }
    }

    /// What came out, as it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        self.measured
            .map_or("–".to_owned(), |measured| format!("{measured:.3}"))
    }

    /// In a word or two.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self.is_met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, at_most, .. } = self;
        let (shown, verdict) = (self.shown(), self.verdict());
        write!(f, "{name}: {shown}, goal {at_most} {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_compared() {
        let goal = |measured| Goal::new("a / b".to_owned(), Some(measured), 1.0).to_string();
        assert_eq!(goal(1.0004), "a / b: 1.000, goal 1 met");
        assert_eq!(goal(1.004), "a / b: 1.004, goal 1 missed");
    }

    #[test]
    fn what_was_to_be_nothing_is_behind_only_if_it_is_something() {
        let behind = |measured| Goal::new(String::new(), Some(measured), 0.0).behind();
        assert_eq!([-1.0, 0.0, 0.1].map(behind), [0.0, 0.0, f64::INFINITY]);
    }
}

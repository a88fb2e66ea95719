//! The lines in which a bench hands its answers to the report: fields with tabs in between, the first says what the line is.

use std::fmt::Write as _;

use super::{Goal, Point, Question, Quoted, Row};

impl Question {
    pub(super) fn recorded(&self) -> String {
        let mut text = String::new();
        let quoted = self.quoted.name();
        let _ = writeln!(text, "question\t{}\t{}\t{quoted}", self.title, self.unit);
        for Row { name, numbers } in &self.rows {
            let [low, median, high] = numbers;
            let _ = writeln!(text, "row\t{name}\t{low}\t{median}\t{high}");
        }
        for Point { name, size, cost } in &self.points {
            let _ = writeln!(text, "point\t{name}\t{size}\t{cost}");
        }
        for goal in &self.goals {
            let Goal { name, at_most, .. } = goal;
            let _ = writeln!(text, "goal\t{name}\t{}\t{at_most}", goal.shown());
        }
        text
    }

    /// The questions that a bench has written down, in its order.
    #[must_use]
    pub fn read(text: &str) -> Vec<Self> {
        let mut questions: Vec<Self> = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let text = |at: usize| fields.get(at).copied().unwrap_or_default().to_owned();
            let number = |at: usize| text(at).parse().unwrap_or(f64::NAN);
            let name = text(1);
            if fields[0] == "question" {
                questions.push(Self {
                    title: name,
                    unit: text(2),
                    quoted: match &*text(3) {
                        "median" => Quoted::Median,
                        _ => Quoted::Low,
                    },
                    ..Self::default()
                });
                continue;
            }
            let Some(question) = questions.last_mut() else {
                continue;
            };
            match fields[0] {
                "row" => question.rows.push(Row {
                    name,
                    numbers: [2, 3, 4].map(number),
                }),
                "point" => question.points.push(Point {
                    name,
                    size: number(2),
                    cost: number(3),
                }),
                "goal" => question.goals.push(Goal {
                    name,
                    measured: text(2).parse().ok(),
                    at_most: number(3),
                }),
                _ => {}
            }
        }
        questions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    #[test]
    fn what_is_written_is_read() {
        let table = Table::new("a title", "ns")
            .sampled("a", 1.0, 2.25, 3.5)
            .row("b", 1e6)
            .by_median()
            .goal("a", "b", 0.5)
            .goal_more("a", "b", 0.0)
            .goal_most("c", 10.0);
        let mut curve = Question {
            title: "another".to_owned(),
            ..Question::default()
        };
        curve.points.push(Point {
            name: "c".to_owned(),
            size: 10.0,
            cost: 0.1,
        });
        let questions = [table.into_question(), curve];
        let written: String = questions.iter().map(Question::recorded).collect();
        assert_eq!(Question::read(&written), questions);
    }
}

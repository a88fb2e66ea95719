//! Costs over sizes.

use std::fmt::Write as _;

use super::{COLOURS, GREY, WIDTH, close, escape, measure, open};
use crate::question::{Point, Question, number};

const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 44.0;
const HEIGHT: f64 = 240.0;

/// The axes: that of the size is logarithmic, that of the cost begins at 0, so that flat looks flat.
struct Axes {
    low: f64,
    high: f64,
    /// From one line of the grid to the next; there are four.
    step: f64,
}

impl Axes {
    fn of(points: &[Point]) -> Self {
        let logs = || points.iter().map(|point| point.size.max(1.0).log10());
        let low = logs().fold(f64::MAX, f64::min);
        Self {
            low,
            high: logs().fold(low + 1e-9, f64::max),
            step: round_up(points.iter().map(|point| point.cost).fold(1e-9, f64::max) / 4.0),
        }
    }

    fn x(&self, size: f64) -> f64 {
        let part = (size.max(1.0).log10() - self.low) / (self.high - self.low);
        LEFT + (WIDTH - LEFT - RIGHT) * part
    }

    fn y(&self, cost: f64) -> f64 {
        TOP + HEIGHT * (1.0 - cost / (4.0 * self.step))
    }
}

/// A line for each contender, with its goal below.
pub(super) fn draw(question: &Question) -> String {
    let points = &question.points;
    let axes = Axes::of(points);
    let height = TOP + HEIGHT + 50.0;
    let mut svg = open(&question.title, height);
    for part in 0..=4 {
        let cost = axes.step * f64::from(part);
        let (at, left, right) = (axes.y(cost), LEFT - 8.0, WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/>\n\
             <text x=\"{left}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{GREY}\">{}</text>",
            at + 4.0,
            number(cost)
        );
    }
    let mut sizes: Vec<f64> = points.iter().map(|point| point.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"{GREY}\">{}</text>",
            axes.x(size),
            TOP + HEIGHT + 18.0,
            with_commas(size)
        );
    }
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&point.name.as_str()) {
            names.push(&point.name);
        }
    }
    let mut ends = Vec::new();
    for (name, colour) in names.into_iter().zip(COLOURS.iter().cycle()) {
        let series: Vec<(f64, f64)> = points
            .iter()
            .filter(|point| point.name == name)
            .map(|point| (axes.x(point.size), axes.y(point.cost)))
            .collect();
        let path: Vec<_> = series
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y) in &series {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
        ends.extend(series.last().map(|(_, y)| (*y, name, colour)));
    }
    // Names at the ends of their lines, but not on top of each other.
    ends.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let mut lowest = f64::MIN;
    for (y, name, colour) in ends {
        lowest = y.max(lowest + 16.0);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            WIDTH - RIGHT + 10.0,
            lowest + 4.0,
            escape(name)
        );
    }
    let goals = question.goals.iter().map(|goal| format!("; {goal}"));
    svg + &close(height, &(measure(question) + &goals.collect::<String>()))
}

/// A number that is easy to read, and not much above this one.
fn round_up(cost: f64) -> f64 {
    let power = 10.0_f64.powf(cost.log10().floor());
    let nice = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0];
    let mut nice = nice.into_iter().map(|nice| nice * power);
    nice.find(|nice| *nice >= cost).unwrap_or(cost)
}

fn with_commas(size: f64) -> String {
    let digits = format!("{size:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_point_for_each_size() {
        let point = |name: &str, size, cost| Point {
            name: name.to_owned(),
            size,
            cost,
        };
        let points = vec![
            point("a", 10.0, 1.0),
            point("a", 1000.0, 2.0),
            point("b", 10.0, 1.0),
        ];
        let svg = draw(&Question {
            points,
            ..Question::default()
        });
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">1,000<"));
        // The axis of the cost.
        assert!(svg.contains(">0.50<") && svg.contains(">2.00<"));
    }
}

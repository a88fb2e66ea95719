//! Contenders side by side.

use std::fmt::Write as _;

use super::{COLOURS, INK, WIDTH, close, escape, measure, open};
use crate::question::{Question, number};

/// How the names of what is ours begin.
const OURS: [&str; 12] = [
    "TaskGroup",
    "aiotools",
    "gather",
    "race",
    "as_completed",
    "scoped",
    "default",
    "shared manager",
    "guard",
    "a guard",
    "AsyncExitStack",
    "annotated",
];

/// One bar for each contender; ours in colour.
pub(super) fn draw(question: &Question) -> String {
    const LEFT: f64 = 270.0;
    const RIGHT: f64 = 90.0;
    const ROW: f64 = 26.0;
    const TOP: f64 = 44.0;
    let quoted = |at: usize| question.rows[at].quoted(question.quoted);
    let most = (0..question.rows.len()).map(quoted).fold(0.0, f64::max);
    let height = TOP + ROW * question.rows.len() as f64 + 28.0;
    let mut svg = open(&question.title, height);
    for (at, row) in question.rows.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let ours = OURS.iter().any(|ours| row.name.starts_with(ours));
        let colour = COLOURS[usize::from(!ours)];
        let length = (WIDTH - LEFT - RIGHT) * quoted(at) / most.max(f64::MIN_POSITIVE);
        let (text, end, middle) = (LEFT - 10.0, LEFT + length + 8.0, y + 15.0);
        let _ = writeln!(
            svg,
            "<text x=\"{text}\" y=\"{middle}\" text-anchor=\"end\" fill=\"{INK}\">{}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/>\n\
             <text x=\"{end:.1}\" y=\"{middle}\" fill=\"{INK}\">{}</text>",
            escape(&row.name),
            number(quoted(at))
        );
    }
    svg + &close(height, &measure(question))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Row;

    #[test]
    fn names_are_escaped_and_ours_stands_out() {
        let row = |name: &str, value| Row {
            name: name.to_owned(),
            numbers: [value; 3],
        };
        let question = Question {
            title: "a & b".to_owned(),
            rows: vec![row("Vec<JoinHandle>", 2.0), row("TaskGroup", 1.0)],
            ..Question::default()
        };
        let svg = draw(&question);
        assert!(svg.contains("a &amp; b") && svg.contains("Vec&lt;JoinHandle&gt;"));
        assert_eq!(svg.matches(COLOURS[0]).count(), 1);
        assert!(svg.ends_with("</svg>\n"));
    }
}

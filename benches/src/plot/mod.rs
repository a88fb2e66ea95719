//! Plots as SVG: bars for contenders, lines for curves.

mod bars;
mod lines;

use crate::question::Question;

const WIDTH: f64 = 720.0;
const COLOURS: [&str; 4] = ["#c2410c", "#64748b", "#0d9488", "#7c3aed"];
const GREY: &str = COLOURS[1];
const INK: &str = "#0f172a";

/// The plot of a question.
#[must_use]
pub fn draw(question: &Question) -> String {
    if question.points.is_empty() {
        bars::draw(question)
    } else {
        lines::draw(question)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn open(title: &str, height: f64) -> String {
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\" fill=\"{INK}\">{title}</text>\n"
    )
}

/// The last line, and the end.
fn close(height: f64, note: &str) -> String {
    format!(
        "<text x=\"16\" y=\"{}\" fill=\"{GREY}\">{}</text>\n</svg>\n",
        height - 10.0,
        escape(note)
    )
}

/// The number and its unit, for the last line.
fn measure(question: &Question) -> String {
    match &*question.unit {
        "" => "less is better".to_owned(),
        unit => format!("{unit}; less is better"),
    }
}

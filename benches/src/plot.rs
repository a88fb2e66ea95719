//! Plots as SVG: bars for contenders, lines for curves.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const COLOURS: [&str; 4] = ["#c2410c", "#64748b", "#0d9488", "#7c3aed"];

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
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\" fill=\"#0f172a\">{title}</text>\n"
    )
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// One bar for each contender; ours, known by its name, in colour.
#[must_use]
pub fn bars(title: &str, unit: &str, bars: &[(&str, f64)]) -> String {
    const OURS: [&str; 8] = [
        "TaskGroup",
        "aiotools",
        "gather",
        "race",
        "as_completed",
        "scoped",
        "default",
        "shared",
    ];
    const LEFT: f64 = 250.0;
    const RIGHT: f64 = 90.0;
    const ROW: f64 = 26.0;
    const TOP: f64 = 44.0;
    let most = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let height = TOP + ROW * bars.len() as f64 + 28.0;
    let mut svg = open(title, height);
    for (at, (name, value)) in bars.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let ours = OURS.iter().any(|ours| name.starts_with(ours));
        let colour = COLOURS[usize::from(!ours)];
        let length = (WIDTH - LEFT - RIGHT) * value / most;
        let (text, end, middle) = (LEFT - 10.0, LEFT + length + 8.0, y + 15.0);
        let _ = writeln!(
            svg,
            "<text x=\"{text}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#0f172a\">{}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/>\n\
             <text x=\"{end:.1}\" y=\"{middle}\" fill=\"#0f172a\">{}</text>",
            escape(name),
            number(*value)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"{}\" fill=\"#64748b\">{}; less is better</text>\n</svg>",
        height - 10.0,
        escape(unit)
    );
    svg
}

/// Costs over sizes, on a logarithmic axis; the axis of the cost begins at 0, so that flat looks flat.
#[must_use]
pub fn lines(title: &str, unit: &str, points: &[(String, f64, f64)]) -> String {
    const LEFT: f64 = 70.0;
    const RIGHT: f64 = 130.0;
    const TOP: f64 = 44.0;
    const HEIGHT: f64 = 240.0;
    let log = |size: f64| size.max(1.0).log10();
    let low = points
        .iter()
        .map(|(_, size, _)| log(*size))
        .fold(f64::MAX, f64::min);
    let high = points
        .iter()
        .map(|(_, size, _)| log(*size))
        .fold(low + 1e-9, f64::max);
    let most = points.iter().map(|(.., cost)| *cost).fold(0.0, f64::max);
    let x = |size: f64| LEFT + (WIDTH - LEFT - RIGHT) * (log(size) - low) / (high - low);
    let y = |cost: f64| TOP + HEIGHT * (1.0 - cost / most);
    let mut svg = open(title, TOP + HEIGHT + 50.0);
    for part in 0..=4 {
        let cost = most * f64::from(part) / 4.0;
        let (at, text, left, right) = (y(cost), y(cost) + 4.0, LEFT - 8.0, WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/>\n\
             <text x=\"{left}\" y=\"{text:.1}\" text-anchor=\"end\" fill=\"#64748b\">{}</text>",
            number(cost)
        );
    }
    let mut names: Vec<&str> = Vec::new();
    for (name, ..) in points {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    for (name, colour) in names.iter().zip(COLOURS.iter().cycle()) {
        let series = || points.iter().filter(|point| point.0 == *name);
        let path: Vec<_> = series()
            .map(|(_, size, cost)| format!("{:.1},{:.1}", x(*size), y(*cost)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (_, size, cost) in series() {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*size),
                y(*cost)
            );
        }
        if let Some((_, size, cost)) = series().next_back() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x(*size) + 10.0,
                y(*cost) + 4.0,
                escape(name)
            );
        }
    }
    let bottom = TOP + HEIGHT + 18.0;
    for (name, size, _) in points {
        if name == names[0] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{bottom}\" text-anchor=\"middle\" fill=\"#64748b\">{size}</text>",
                x(*size)
            );
        }
    }
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"{}\" fill=\"#64748b\">{}; less is better</text>\n</svg>",
        bottom + 22.0,
        escape(unit)
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_ours_stands_out() {
        let svg = bars(
            "a & b",
            "ns",
            &[("Vec<JoinHandle>", 2.0), ("TaskGroup", 1.0)],
        );
        assert!(svg.contains("a &amp; b") && svg.contains("Vec&lt;JoinHandle&gt;"));
        assert_eq!(svg.matches(COLOURS[0]).count(), 1);
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_line_has_a_point_for_each_size() {
        let point = |name: &str, size, cost| (name.to_owned(), size, cost);
        let points = [
            point("a", 10.0, 1.0),
            point("a", 1000.0, 2.0),
            point("b", 10.0, 1.0),
        ];
        let svg = lines("t", "ns", &points);
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("<polyline").count(), 2);
    }
}

//! The pages: one that sums up, and one for each area.

use std::fmt::Write as _;

use aiotools_benches::question::{Goal, Question, number};

use crate::answers::{Answers, Run};

/// Text that Markdown leaves as it is.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

fn verdict(goal: &Goal) -> String {
    match goal.is_met() {
        Some(false) => format!("**{}**", goal.verdict()),
        _ => goal.verdict().to_owned(),
    }
}

/// How many goals of each area are met, and which is missed by most.
pub(crate) fn summary(all: &[Answers]) -> String {
    let mut page = String::from(
        "| area | goals met | the one that is closest to being missed, or missed by most | measured | goal | |\n\
         |---|---:|---|---:|---:|---|\n",
    );
    let mut totals = [0, 0];
    for answers in all {
        let area = &answers.area;
        let goals = answers.goals();
        let met = goals
            .iter()
            .filter(|(_, goal)| goal.is_met() == Some(true))
            .count();
        totals[0] += met;
        totals[1] += goals.len();
        let _ = write!(page, "| [{}]({}.md) | ", area.name, area.bench);
        let Some((title, goal)) = goals.first() else {
            page.push_str("no goal | | | | |\n");
            continue;
        };
        let _ = writeln!(
            page,
            "{met} of {} | {}: {} | {} | {} | {} |",
            goals.len(),
            plain(title),
            plain(&goal.name),
            goal.shown(),
            goal.at_most,
            verdict(goal)
        );
    }
    let [met, goals] = totals;
    let _ = writeln!(page, "| all | {met} of {goals} | | | | |");
    page
}

/// When each area was measured, and how long that took.
pub(crate) fn runs(all: &[Answers]) -> String {
    let mut page = String::from(
        "| bench | when | commit | load before | rounds | seconds |\n|---|---|---|---:|---:|---:|\n",
    );
    for Answers { area, run, .. } in all {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {:.0} |",
            area.bench, run.date, run.commit, run.load, run.rounds, run.seconds
        );
    }
    let sum: f64 = all.iter().map(|answers| answers.run.seconds).sum();
    let _ = writeln!(page, "| all | | | | | {sum:.0} |");
    page
}

/// The first plot of each area.
pub(crate) fn gallery(all: &[Answers]) -> String {
    let mut page = String::new();
    for answers in all {
        let area = &answers.area;
        let drawn = area
            .plots
            .iter()
            .find(|(_, title)| answers.question(title).is_some());
        if let Some((file, title)) = drawn {
            let _ = writeln!(
                page,
                "\n**[{}]({}.md).** {}\n\n![{}]({file}.svg)",
                area.name,
                area.bench,
                area.question,
                plain(title)
            );
        }
    }
    page
}

/// All about one area.
pub(crate) fn of(answers: &Answers, machine: &str) -> String {
    let area = &answers.area;
    let Run {
        date,
        seconds,
        rounds,
        load,
        commit,
        note,
    } = &answers.run;
    let mut page = format!(
        "# {}\n\n{} What the words mean, and how it is measured: [README](README.md).\n\n\
         Measured {date} at commit {commit}, {rounds} rounds, in {seconds:.0} s; the load of the machine was {load} before. Again:\n\n\
         ```sh\nROUNDS={rounds} scripts/bench {}\n```\n\n{machine}\n",
        area.name, area.question, area.bench
    );
    if !note.is_empty() {
        let _ = writeln!(page, "**{note}**\n");
    }
    let goals = answers.goals();
    if !goals.is_empty() {
        page.push_str("## Goals\n\nThe furthest behind first.\n\n| question | what is to be low | measured | goal | |\n|---|---|---:|---:|---|\n");
        for (title, goal) in goals {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                plain(title),
                plain(&goal.name),
                goal.shown(),
                goal.at_most,
                verdict(goal)
            );
        }
        page.push('\n');
    }
    let drawn = area
        .plots
        .iter()
        .filter(|(_, title)| answers.question(title).is_some());
    for (file, title) in drawn {
        let _ = writeln!(page, "![{}]({file}.svg)\n", plain(title));
    }
    page.push_str("## Numbers\n");
    for question in &answers.questions {
        page.push_str(&numbers(question));
    }
    page
}

fn numbers(question: &Question) -> String {
    let Question {
        title,
        unit,
        quoted,
        rows,
        points,
        ..
    } = question;
    let mut page = format!("\n### {}\n\n", plain(title));
    if rows.iter().any(aiotools_benches::question::Row::is_sampled) {
        let [first, second] = quoted.spread();
        let _ = writeln!(
            page,
            "| | {unit}, {} | ratio | {first} | {second} |\n|---|---:|---:|---:|---:|",
            quoted.name()
        );
    } else if !rows.is_empty() {
        let _ = writeln!(page, "| | {unit} | ratio |\n|---|---:|---:|");
    }
    for row in rows {
        let (name, value) = (plain(&row.name), number(row.quoted(*quoted)));
        let _ = write!(page, "| {name} | {value} | {} |", question.ratio(row));
        if row.is_sampled() {
            let [first, second] = row.spread(*quoted).map(number);
            let _ = write!(page, " {first} | {second} |");
        }
        page.push('\n');
    }
    if !points.is_empty() {
        let _ = writeln!(page, "| | how many | {unit} |\n|---|---:|---:|");
    }
    for point in points {
        let (name, cost) = (plain(&point.name), number(point.cost));
        let _ = writeln!(page, "| {name} | {} | {cost} |", point.size);
    }
    page
}

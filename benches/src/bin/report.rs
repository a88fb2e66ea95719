//! Turns what the benches wrote down into `docs/benchmarks/`: `report <directory of .tsv files> <docs/benchmarks>`. Part of `scripts/bench`.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use aiotools_benches::plot;

/// The benches in the order in which they are shown, and the question of each.
const BENCHES: [(&str, &str); 11] = [
    (
        "spawn_join",
        "What does it cost to start tasks and to wait for all of them?",
    ),
    (
        "cancel_all",
        "How long does it take from the order to cancel until the last task has been dropped?",
    ),
    ("memory", "What does a task hold while it waits?"),
    (
        "combinators",
        "What does it cost to have all results of many futures, or the first?",
    ),
    (
        "managers",
        "What does a manager cost, beside the same set-up and cleanup written by hand?",
    ),
    (
        "timers",
        "What does a tick cost, and what do 100,000 timers?",
    ),
    (
        "server",
        "What does a request cost a server, and how long does it take at a fixed rate?",
    ),
    (
        "server_balance",
        "How evenly are connections spread over the workers?",
    ),
    (
        "server_life",
        "What do the start, a reload and the idle parent of a server cost?",
    ),
    (
        "compile_time",
        "How long do 100 annotated functions compile?",
    ),
    (
        "instructions",
        "How many instructions does each of these take?",
    ),
];

/// What is drawn: the file, and the title of the table or curve.
const PLOTS: [(&str, &str); 8] = [
    ("spawn-join", "spawn and join 1000, one yield, two workers"),
    (
        "spawn-join-by-size",
        "one child, by the size of its group, current-thread",
    ),
    (
        "nesting",
        "one group in a group, by the depth of the nesting, current-thread",
    ),
    ("cancel-all", "cancel 20000 parked tasks, two workers"),
    ("memory", "a task that waits, holding 64 bytes"),
    ("managers", "a manager, set-up and cleanup suspend once"),
    (
        "server-cpu",
        "http requests on 64 connections, 2 workers: CPU of the server",
    ),
    ("instructions", "one task of 1000, one yield, instructions"),
];

#[derive(Default)]
struct Question {
    unit: String,
    /// Name, low percentile, median, high percentile.
    rows: Vec<(String, [f64; 3])>,
    /// Series, size, cost.
    points: Vec<(String, f64, f64)>,
    goals: Vec<Goal>,
}

struct Goal {
    name: String,
    peer: String,
    ratio: f64,
    at_most: f64,
}

/// The questions of one bench by their titles, in the order in which they were asked.
#[derive(Default)]
struct Answers {
    titles: Vec<String>,
    questions: BTreeMap<String, Question>,
}

impl Answers {
    fn read(text: &str) -> Self {
        let mut answers = Self::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let number = |at: usize| {
                fields
                    .get(at)
                    .and_then(|field| field.parse().ok())
                    .unwrap_or(f64::NAN)
            };
            let text = |at: usize| fields.get(at).copied().unwrap_or_default().to_owned();
            let title = text(1);
            if !answers.questions.contains_key(&title) {
                answers.titles.push(title.clone());
            }
            let question = answers.questions.entry(title).or_default();
            match fields[0] {
                "row" => {
                    question.unit = text(2);
                    question
                        .rows
                        .push((text(3), [number(4), number(5), number(6)]));
                }
                "point" => {
                    question.unit = text(2);
                    question.points.push((text(3), number(4), number(5)));
                }
                "goal" => question.goals.push(Goal {
                    name: text(2),
                    peer: text(3),
                    ratio: number(4),
                    at_most: number(5),
                }),
                _ => {}
            }
        }
        answers
    }
}

/// Text that Markdown leaves as it is.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

fn goals(bench: &str, answers: &Answers, page: &mut String) {
    for title in &answers.titles {
        for goal in &answers.questions[title].goals {
            let Goal {
                name,
                peer,
                ratio,
                at_most,
            } = goal;
            let (name, peer) = (plain(name), plain(peer));
            let verdict = if ratio <= at_most {
                "met"
            } else {
                "**missed**"
            };
            let _ = writeln!(
                page,
                "| [{title}](#{bench}) | {name} / {peer} | {ratio:.2} | {at_most:.2} | {verdict} |"
            );
        }
    }
}

fn section(question: &str, bench: &str, answers: &Answers, page: &mut String) {
    let _ = writeln!(page, "\n## {bench}\n\n{question}\n");
    for (file, title) in PLOTS {
        if answers.questions.contains_key(title) {
            let _ = writeln!(page, "![{title}]({file}.svg)\n");
        }
    }
    for title in &answers.titles {
        let Question {
            unit, rows, points, ..
        } = &answers.questions[title];
        let _ = writeln!(page, "### {title}\n");
        if !rows.is_empty() {
            let _ = writeln!(
                page,
                "| | {unit} | ratio | median | 90 % |\n|---|---:|---:|---:|---:|"
            );
            let first = rows[0].1[0];
            for (name, [low, median, high]) in rows {
                let ratio = low / first;
                let spread = if high > low {
                    format!("{median:.1} | {high:.1}")
                } else {
                    String::from(" | ")
                };
                let name = plain(name);
                let _ = writeln!(page, "| {name} | {low:.1} | {ratio:.2} | {spread} |");
            }
        }
        if !points.is_empty() {
            let _ = writeln!(page, "| | size | {unit} |\n|---|---:|---:|");
            for (name, size, cost) in points {
                let _ = writeln!(page, "| {name} | {size} | {cost:.1} |");
            }
        }
        page.push('\n');
    }
}

/// What a command says, in one line.
fn said(command: &str, args: &[&str]) -> String {
    let output = Command::new(command).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let system = said("uname", &["-sr"]);
    let rustc = said("rustc", &["--version"]);
    let day = said("date", &["-u", "+%Y-%m-%d"]);
    format!(
        "| | |\n|---|---|\n| date | {day} |\n| machine | {model}, {cores} cores |\n| load when the report was written | {load} |\n\
         | system | {system} |\n| compiler | {rustc}, `cargo bench` without LTO |\n| allocator | mimalloc for all contenders |\n"
    )
}

fn draw(all: &[(&str, &str, Answers)], directory: &Path) -> io::Result<()> {
    for (file, title) in PLOTS {
        let Some(question) = all
            .iter()
            .find_map(|(.., answers)| answers.questions.get(title))
        else {
            continue;
        };
        let svg = if question.points.is_empty() {
            let bars: Vec<_> = question
                .rows
                .iter()
                .map(|(name, values)| (name.as_str(), values[0]))
                .collect();
            plot::bars(title, &question.unit, &bars)
        } else {
            plot::lines(title, &question.unit, &question.points)
        };
        fs::write(directory.join(format!("{file}.svg")), svg)?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &args[..] else {
        eprintln!("usage: report <directory of .tsv files> <docs/benchmarks>");
        std::process::exit(2);
    };
    fs::create_dir_all(to)?;
    let mut all = Vec::new();
    for (bench, question) in BENCHES {
        match fs::read_to_string(from.join(format!("{bench}.tsv"))) {
            Ok(text) => all.push((bench, question, Answers::read(&text))),
            Err(error) => eprintln!("without {bench}: {error}"),
        }
    }
    let mut page = fs::read_to_string(to.join("method.md"))?;
    let _ = write!(page, "\n## What was measured on\n\n{}", machine());
    if let Some(note) = env::var_os("NOTE") {
        let _ = writeln!(page, "\n**{}**", note.to_string_lossy());
    }
    page.push_str(
        "\n## Goals\n\n| question | ratio of | measured | goal | |\n|---|---|---:|---:|---|\n",
    );
    for (bench, _, answers) in &all {
        goals(bench, answers, &mut page);
    }
    for (bench, question, answers) in &all {
        section(question, bench, answers, &mut page);
    }
    fs::write(to.join("README.md"), page)?;
    draw(&all, to)
}

//! Turns what the benches wrote down into `docs/benchmarks/`: `report <directory of .tsv files> <docs/benchmarks>`, at the root of the
//! checkout. Part of `scripts/bench`.

mod answers;
mod areas;
mod machine;
mod page;

use std::{env, fs, io, path::PathBuf};

use aiotools_benches::plot;

use self::{answers::Answers, areas::AREAS};

fn main() -> io::Result<()> {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &args[..] else {
        eprintln!("usage: report <directory of .tsv files> <docs/benchmarks>");
        std::process::exit(2);
    };
    let all: Vec<Answers> = AREAS
        .into_iter()
        .filter_map(|area| Answers::read(from, area))
        .collect();
    let machine = machine::table();
    let method = fs::read_to_string(to.join("method.md"))?;
    let (summary, gallery, runs) = (page::summary(&all), page::gallery(&all), page::runs(&all));
    let page = format!(
        "{method}\n## Goals\n\n{summary}\n## Plots\n{gallery}\n## What was measured on\n\n{machine}\n{runs}"
    );
    fs::write(to.join("README.md"), page)?;
    for answers in &all {
        let page = page::of(answers, &machine);
        fs::write(to.join(format!("{}.md", answers.area.bench)), page)?;
        for (file, title) in answers.area.plots {
            if let Some(question) = answers.question(title) {
                let svg = plot::draw(question);
                fs::write(to.join(format!("{file}.svg")), svg)?;
            }
        }
    }
    Ok(())
}

//! What a run of a bench has left behind.

use std::{fs, path::Path};

use aiotools_benches::question::{Goal, Question};

use crate::areas::Area;

/// When and how a bench ran, as `scripts/bench` notes it.
pub(crate) struct Run {
    pub(crate) date: String,
    pub(crate) seconds: f64,
    pub(crate) rounds: String,
    pub(crate) load: String,
    pub(crate) commit: String,
    pub(crate) note: String,
}

impl Run {
    fn read(text: &str) -> Self {
        let mut fields = text.trim_end().split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Self {
            date: next(),
            seconds: next().parse().unwrap_or(f64::NAN),
            rounds: next(),
            load: next(),
            commit: next(),
            note: next(),
        }
    }
}

/// An area, how it was measured, and what came out.
pub(crate) struct Answers {
    pub(crate) area: Area,
    pub(crate) run: Run,
    pub(crate) questions: Vec<Question>,
}

impl Answers {
    /// `None` if the bench has not run.
    pub(crate) fn read(directory: &Path, area: Area) -> Option<Self> {
        let file = |kind| fs::read_to_string(directory.join(format!("{}.{kind}", area.bench)));
        let questions = Question::read(&file("tsv").ok()?);
        let run = Run::read(&file("run").unwrap_or_default());
        (!questions.is_empty()).then_some(Self {
            area,
            run,
            questions,
        })
    }

    /// The goals with the titles of their questions, the furthest behind first.
    pub(crate) fn goals(&self) -> Vec<(&str, &Goal)> {
        let all = self.questions.iter().flat_map(|question| {
            let title = question.title.as_str();
            question.goals.iter().map(move |goal| (title, goal))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(_, a), (_, b)| b.behind().total_cmp(&a.behind()));
        all
    }

    pub(crate) fn question(&self, title: &str) -> Option<&Question> {
        self.questions
            .iter()
            .find(|question| question.title == title)
    }
}

//! The reports of cleanups, kept by manager, so that tests that run side by side do not see each other's.

use std::sync::{Mutex, Once, PoisonError};

use aiotools::Exit;
use aiotools::cleanup::{CleanupError, set_error_hook};

/// What the error hook was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The name of the manager's function.
    pub manager: String,
    /// What it was resumed with.
    pub exit: Exit,
    /// What went wrong.
    pub kind: Kind,
    /// The report as a text.
    pub text: String,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as `CleanupError` says")]
pub enum Kind {
    Error,
    Panic,
    Timeout,
    Abandoned,
}

impl Report {
    /// What there is to keep of what the hook is told.
    #[must_use]
    pub fn of(error: &CleanupError<'_>) -> Self {
        let kinds = [
            (error.error().is_some(), Kind::Error),
            (error.panic().is_some(), Kind::Panic),
            (error.is_timeout(), Kind::Timeout),
            (error.is_abandoned(), Kind::Abandoned),
        ];
        let mut kinds = kinds
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, kind)| kind);
        let (kind, more) = (kinds.next(), kinds.next());
        assert_eq!(more, None, "a report is of one kind: {error}");
        Self {
            manager: error
                .manager()
                .rsplit("::")
                .next()
                .unwrap_or_default()
                .to_owned(),
            exit: error.exit(),
            kind: kind.expect("a report is of some kind"),
            text: error.to_string(),
        }
    }
}

static SEEN: Mutex<Vec<Report>> = Mutex::new(Vec::new());

/// Keeps what the error hook is told from now on. Call it first in a test that asks for [`reports`].
pub fn keep_reports() {
    static HOOK: Once = Once::new();
    HOOK.call_once(keep_reports_again);
}

/// As [`keep_reports`], also after another hook was set.
pub fn keep_reports_again() {
    set_error_hook(|error| {
        let report = Report::of(error);
        SEEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(report);
    });
}

/// What was reported of the manager with this function name. Give it a name of its own in each test.
#[must_use]
pub fn reports(manager: &str) -> Vec<Report> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter()
        .filter(|report| report.manager == manager)
        .cloned()
        .collect()
}

/// The kinds of the reports and what the manager was resumed with.
#[must_use]
pub fn kinds(manager: &str) -> Vec<(Kind, Exit)> {
    reports(manager)
        .into_iter()
        .map(|report| (report.kind, report.exit))
        .collect()
}

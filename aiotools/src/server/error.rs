//! What [`Server::run`](super::Server::run) reports.

use std::{error::Error, fmt, io, time::Duration};

use super::{Signal, WorkerFailure};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a server did not start, or did not end well; the error of
/// [`Server::run`](super::Server::run).
///
/// `Debug` prints what `Display` prints and the chain of sources behind it, so that `fn main() ->
/// Result<(), ServerError>` ends with a message that can be read, and with exit code 1.
pub struct ServerError(Box<Kind>);

pub(super) enum Kind {
    InsideRuntime,
    Threads(usize),
    NoWorkers,
    NoStopSignals,
    StopSignal(Signal),
    Listen {
        what: String,
        why: &'static str,
    },
    Privileges(io::Error),
    Bind {
        what: String,
        source: io::Error,
    },
    MainContext {
        when: &'static str,
        source: BoxError,
    },
    System {
        what: &'static str,
        source: io::Error,
    },
    Workers {
        failures: Vec<WorkerFailure>,
        main_context: Option<BoxError>,
    },
    RestartLimit {
        count: usize,
        window: Duration,
        last: WorkerFailure,
    },
}

impl ServerError {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    pub(super) fn system(what: &'static str, source: impl Into<io::Error>) -> Self {
        Self::new(Kind::System {
            what,
            source: source.into(),
        })
    }

    pub(super) fn renumber(&mut self, number: &dyn Fn(usize) -> usize) {
        if let Kind::RestartLimit { last, .. } = &mut *self.0 {
            last.renumber(number);
        }
    }

    /// The workers that failed, each once, in the order in which the parent noticed. Empty unless
    /// [`is_worker`](Self::is_worker).
    #[must_use]
    pub fn workers(&self) -> &[WorkerFailure] {
        match &*self.0 {
            Kind::Workers { failures, .. } => failures,
            Kind::RestartLimit { last, .. } => std::slice::from_ref(last),
            _ => &[],
        }
    }

    /// Whether one or more workers failed; [`workers`](Self::workers) tells which.
    #[must_use]
    pub fn is_worker(&self) -> bool {
        matches!(*self.0, Kind::Workers { .. } | Kind::RestartLimit { .. })
    }

    /// Whether a worker failed more often than its [budget](super::RestartPolicy::budget) allows.
    /// [`workers`](Self::workers) has the last of these failures; the ones before were survived, and
    /// told when they happened.
    #[must_use]
    pub fn is_restart_limit(&self) -> bool {
        matches!(*self.0, Kind::RestartLimit { .. })
    }

    /// Whether `run()` refused to start: it was called in a place, or with options, that cannot
    /// work. No worker was started.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(
            *self.0,
            Kind::InsideRuntime
                | Kind::Threads(_)
                | Kind::NoWorkers
                | Kind::NoStopSignals
                | Kind::StopSignal(_)
                | Kind::Listen { .. }
                | Kind::Privileges(_)
        )
    }

    /// Whether an address could not be listened on. No worker was started.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(*self.0, Kind::Bind { .. })
    }

    /// Whether the main context failed, in its set-up or after its `yield_!`, and no worker did
    /// before.
    #[must_use]
    pub fn is_main_context(&self) -> bool {
        matches!(*self.0, Kind::MainContext { .. })
    }

    /// The error of the main context, if it failed; also when it failed while ending a server whose
    /// workers had failed before.
    #[must_use]
    pub fn main_context(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match &*self.0 {
            Kind::MainContext { source, .. }
            | Kind::Workers {
                main_context: Some(source),
                ..
            } => Some(&**source),
            _ => None,
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::InsideRuntime => f.write_str(
                "the server cannot be run inside a tokio runtime, as its workers are forked: \
                 call run() in a plain `fn main`, without #[tokio::main] and outside of block_on",
            ),
            Kind::Threads(count) => write!(
                f,
                "the server can only be run in a process with one thread, as its workers are forked, and there are {count}: \
                 call run() before anything starts a thread, and start threads in the workers"
            ),
            Kind::NoWorkers => f.write_str("the server has no workers: give workers(n) at least 1"),
            Kind::NoStopSignals => {
                f.write_str("the server has no stop signal: give stop_signals(..) at least one")
            }
            Kind::StopSignal(signal) => write!(
                f,
                "{signal} cannot be a stop signal: use one that a process may catch, such as SIGTERM, SIGINT or SIGUSR1"
            ),
            Kind::Listen { what, why } => write!(f, "the listener {what} cannot be had: {why}"),
            Kind::Privileges(_) => f.write_str("the workers cannot be given other rights"),
            Kind::Bind { what, .. } => write!(f, "cannot listen on {what}"),
            Kind::MainContext { when, .. } => write!(f, "the main context failed {when}"),
            Kind::System { what, .. } => write!(f, "cannot {what}"),
            Kind::RestartLimit {
                count,
                window,
                last,
            } => {
                let times = if *count == 1 { "time" } else { "times" };
                write!(
                    f,
                    "worker {} failed {count} {times} within {window:?}, and its restart budget is used up: {last}",
                    last.index()
                )
            }
            Kind::Workers {
                failures,
                main_context,
            } => {
                if failures.len() > 1 {
                    write!(f, "{} workers failed: ", failures.len())?;
                }
                for (i, failure) in failures.iter().enumerate() {
                    write!(f, "{}{failure}", if i == 0 { "" } else { "; " })?;
                }
                match main_context {
                    Some(err) => write!(f, "; after that, the main context failed: {err}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = self.source();
        while let Some(err) = source {
            write!(f, ": {err}")?;
            source = err.source();
        }
        Ok(())
    }
}

impl Error for ServerError {
    /// The error below; `None` for failed workers, whose errors were values of another process and
    /// are part of the message.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Kind::Bind { source, .. } | Kind::System { source, .. } | Kind::Privileges(source) => {
                Some(source)
            }
            Kind::MainContext { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// The text of an error and of all its sources, in one line, without saying the same thing twice.
pub(super) fn chain(err: &(dyn Error + 'static)) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        let next = err.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{WorkerPhase, failure::How};

    fn failure(how: How) -> WorkerFailure {
        WorkerFailure::new(2, 77, WorkerPhase::Initialization, how)
    }

    #[test]
    fn error_debug_is_display_and_sources() {
        let source = io::Error::other("taken");
        let err = ServerError::new(Kind::Bind {
            what: "127.0.0.1:1".into(),
            source,
        });
        assert_eq!(err.to_string(), "cannot listen on 127.0.0.1:1");
        assert_eq!(format!("{err:?}"), "cannot listen on 127.0.0.1:1: taken");
        assert!(err.is_bind() && !err.is_worker() && err.workers().is_empty());
    }

    #[test]
    fn error_names_each_worker_once() {
        let failures = vec![failure(How::Failed("boom".into())), failure(How::Killed(9))];
        let err = ServerError::new(Kind::Workers {
            failures,
            main_context: Some("bang".into()),
        });
        assert_eq!(
            format!("{err:?}"),
            "2 workers failed: worker 2 failed during initialization: boom; \
             worker 2 was killed by SIGKILL during initialization; after that, the main context failed: bang"
        );
        assert_eq!(err.workers()[0].message(), Some("boom"));
        assert_eq!(err.workers()[1].killed_by(), Some(9));
    }

    #[test]
    fn error_chain_does_not_repeat() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        assert_eq!(chain(&Outer(io::Error::other("inner"))), "outer: inner");
        assert_eq!(chain(&io::Error::other("alone")), "alone");
    }
}

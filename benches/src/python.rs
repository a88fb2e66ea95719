//! Python, with the aiotools that `scripts/bench-peers` has installed.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Why a peer does not take part.
pub type Skipped = String;

/// A command that runs one of `peers/`, and ends by itself some time after it was forgotten.
///
/// # Errors
///
/// If Python's aiotools is not installed.
pub fn command(script: &str) -> Result<Command, Skipped> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../target/bench-peers/bin/python");
    if !python.exists() {
        return Err(
            "Python's aiotools is not installed (scripts/bench-peers does that)".to_owned(),
        );
    }
    let mut command = bounded(&python);
    command.arg(here.join("peers").join(script));
    Ok(command)
}

/// A program that ends by itself, with all that it has started, some time after it was forgotten.
pub(crate) fn bounded(program: impl Into<PathBuf>) -> Command {
    let mut command = Command::new("timeout");
    // Without `--foreground`, which would spare the program's own children.
    command.args(["--kill-after=1", "900"]).arg(program.into());
    command
}

/// A script of `peers/` that answers each line with a line.
#[derive(Debug)]
pub struct Script {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    ///
    /// # Panics
    ///
    /// Never: both ends are pipes.
    pub fn start(script: &str, args: &[&str]) -> Result<Self, Skipped> {
        let mut process = command(script)?
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|err| format!("it cannot be started: {err}"))?;
        Ok(Self {
            questions: process.stdin.take().expect("it is piped"),
            answers: BufReader::new(process.stdout.take().expect("it is piped")),
            process,
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the script has ended.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        writeln!(self.questions, "{question}")?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(answer.trim().to_owned()),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

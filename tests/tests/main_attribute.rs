//! `#[aiotools::main]`: how real programs end, with real signals. The programs are in `src/bin/main_app`.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a program may take for anything, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program; killed when dropped.
struct Program {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Option<JoinHandle<String>>,
}

/// What a program said, and how it ended.
struct Ended {
    code: Option<i32>,
    lines: Vec<String>,
    stderr: String,
    /// Since it was told to, or since its start.
    took: Duration,
}

impl Program {
    fn start(name: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_main_app"))
            .arg(name)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the test program is built with the tests");
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| send.send(line))
        });
        let mut stderr = child.stderr.take().expect("piped");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            drop(stderr.read_to_string(&mut text));
            text
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            stderr: Some(stderr),
        }
    }

    /// Waits until it has said this.
    fn says(&mut self, line: &str) {
        while self.seen.last().is_none_or(|seen| seen != line) {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(seen) => self.seen.push(seen),
                Err(_) => panic!("it never said `{line}`, but {:?}", self.seen),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, signal).expect("it is running");
    }

    /// Waits for its end.
    fn ends(mut self) -> Ended {
        let began = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let stderr = self.stderr.take().expect("once").join().expect("text");
        let status = self.child.wait().expect("it has ended");
        Ended {
            code: status.code(),
            lines: std::mem::take(&mut self.seen),
            stderr,
            took: began.elapsed(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a program, and sends it a signal once it is ready.
fn interrupted(name: &str, signal: Signal) -> Ended {
    let mut program = Program::start(name);
    program.says("ready");
    program.signal(signal);
    program.ends()
}

#[test]
fn a_signal_cuts_the_body_and_its_guards_clean_up() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let ended = interrupted("waits", signal);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(ended.lines, ["ready", "lease: cancelled"]);
    }
}

#[test]
fn a_body_may_wind_down_and_keep_its_exit_code() {
    let ended = interrupted("winds_down", Signal::SIGINT);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(ended.lines, ["ready", "winding down: SIGINT"]);
    let ended = interrupted("winds_down", Signal::SIGTERM);
    assert_eq!(ended.lines, ["ready", "winding down: SIGTERM"]);
}

/// G2: the root scope waits for tasks and ticks, and for what they leave behind.
#[test]
fn tasks_and_ticks_end_in_order() {
    let mut ended = interrupted("children", Signal::SIGTERM);
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    ended.lines.sort();
    assert_eq!(
        ended.lines,
        ["child: cancelled", "ready", "tick: cancelled"]
    );
}

/// G1: a cleanup in the background ends before the process does.
#[test]
fn cleanups_are_waited_for() {
    let ended = Program::start("background").ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.lines, ["returns", "background: cancelled"]);
}

/// G7: but only for so long.
#[test]
fn cleanups_have_a_deadline() {
    let ended = Program::start("endless_cleanup").ends();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.lines, ["ready"]);
    assert!(ended.stderr.contains("after 300ms"), "{}", ended.stderr);
    assert!(ended.took >= Duration::from_millis(300));
}

#[test]
fn a_signal_ends_the_wait_for_cleanups() {
    let ended = interrupted("long_cleanup", Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("left behind"), "{}", ended.stderr);
}

/// G7: a body that takes no notice is cut, and the report says where it was.
#[test]
fn a_body_that_takes_no_notice_has_a_deadline() {
    let ended = interrupted("ignores", Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let report = "did not end within 300ms after SIGINT";
    assert!(ended.stderr.contains(report), "{}", ended.stderr);
    assert!(ended.stderr.contains("`main`"), "{}", ended.stderr);
}

/// G7: a thread that is blocked hears of no signal, and yet the program ends.
#[test]
fn a_body_that_blocks_its_thread_has_a_deadline() {
    let ended = interrupted("blocks", Signal::SIGTERM);
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    let report = "SIGTERM was not heard within 1.6s";
    assert!(ended.stderr.contains(report), "{}", ended.stderr);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (second, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut program = Program::start("stubborn");
        program.says("ready");
        program.signal(Signal::SIGINT);
        program.says("stopping");
        program.signal(second);
        let ended = program.ends();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let report = "came again: the process ends at once";
        assert!(ended.stderr.contains(report), "{}", ended.stderr);
    }
}

/// Also where the thread is blocked that would have to hear of the first.
#[test]
fn a_second_signal_ends_a_program_that_blocks() {
    let mut program = Program::start("stubborn_thread");
    program.says("ready");
    program.signal(Signal::SIGINT);
    program.signal(Signal::SIGTERM);
    let ended = program.ends();
    // Which of the two is first is for the system to say.
    assert!(
        matches!(ended.code, Some(130 | 143)),
        "{:?} {}",
        ended.code,
        ended.stderr
    );
}

#[test]
fn a_panic_goes_on_when_all_is_clean() {
    let mut ended = Program::start("panics").ends();
    assert_eq!(ended.code, Some(101), "{}", ended.stderr);
    ended.lines.sort();
    assert_eq!(ended.lines, ["lease: panicked", "tick: cancelled"]);
    assert!(ended.stderr.contains("out of luck"), "{}", ended.stderr);
}

#[test]
fn an_error_is_the_exit_code() {
    let ended = Program::start("fails").ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.lines, ["lease: cancelled"]);
    assert!(ended.stderr.contains("nobody is there"), "{}", ended.stderr);
}

/// G3: also where a signal ends the wait for cleanups, and gives the exit code.
#[test]
fn an_error_is_told_in_spite_of_a_signal() {
    let ended = interrupted("fails_and_cleans_up", Signal::SIGTERM);
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    assert!(ended.stderr.contains("nobody is there"), "{}", ended.stderr);
}

#[test]
fn a_body_that_cancels_itself_has_failed() {
    let ended = Program::start("cancels_itself").ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.lines, ["lease: cancelled"]);
}

#[test]
fn a_detached_timer_ends_with_the_body() {
    let ended = Program::start("detached_timer").ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.lines, ["returns", "tick: cancelled"]);
}

#[test]
fn blocking_work_is_left_behind() {
    let ended = Program::start("blocking_work").ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.lines, ["returns"]);
}

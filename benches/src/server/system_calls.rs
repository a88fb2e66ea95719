//! The system calls of other processes, counted by perf, or else by strace, which slows them down.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};

use super::{Kind, Peer, Wire, pause};

/// The system calls that processes made.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// All of them.
    pub all: u64,
    /// Those that wait for events. How many events one of them brings is a matter of luck.
    pub waits: u64,
}

/// The system calls that `pids` make while `work` runs; `None` where neither perf nor strace may
/// look.
pub fn system_calls(pids: &[u32], work: impl FnOnce()) -> Option<Calls> {
    let list: Vec<_> = pids.iter().map(u32::to_string).collect();
    let file = scratch();
    let (mut perf, mut strace) = (perf(&file), strace(&file));
    perf.args(["-p", &list.join(",")]);
    for pid in &list {
        strace.args(["-p", pid]);
    }
    let mut tracer = attach(&mut perf).or_else(|| attach(&mut strace))?;
    work();
    let _ = nix::sys::signal::kill(Pid::from_raw(tracer.id().cast_signed()), Signal::SIGINT);
    let _ = tracer.wait();
    counted(&file)
}

/// The system calls of one of our servers and its workers, from its start to its end.
#[must_use]
pub fn system_calls_of_a_life(kind: Kind, wire: Wire, workers: usize) -> Option<Calls> {
    let file = scratch();
    [perf(&file), strace(&file)].into_iter().find_map(|tracer| {
        let server = Peer::start_under(tracer, kind, wire, workers).ok()?;
        server.stop_under_tracer();
        counted(&file)
    })
}

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("aiotools-bench-calls-{}", std::process::id()))
}

fn perf(file: &Path) -> Command {
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter"])
        .args(["-e", "syscalls:sys_enter_epoll_wait", "-o"])
        .arg(file);
    perf
}

fn strace(file: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace
        .args(["-c", "-f", "-U", "calls,name", "-o"])
        .arg(file);
    strace
}

/// What the tracer has written, which goes away.
fn counted(file: &Path) -> Option<Calls> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let _ = fs::remove_file(file);
    // perf: `count,,event,..`; strace: `count name`.
    let count = |names: [&str; 2]| {
        let line = text
            .lines()
            .find(|line| names.iter().any(|name| line.contains(name)))?;
        let end = line.find(|c: char| !c.is_ascii_digit() && c != ' ')?;
        line[..end].trim().parse::<u64>().ok()
    };
    Some(Calls {
        all: count(["raw_syscalls:sys_enter", " total"])?,
        waits: count(["sys_enter_epoll_wait", " epoll_wait"]).unwrap_or(0),
    })
}

/// Starts a tracer, and gives it time to attach; `None` if it ends at once.
fn attach(command: &mut Command) -> Option<Child> {
    let mut tracer = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    pause(Duration::from_millis(300));
    match tracer.try_wait() {
        Ok(None) => Some(tracer),
        _ => None,
    }
}

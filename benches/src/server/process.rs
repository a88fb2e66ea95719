//! What can be read of other processes.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::ffi::OsStrExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};

use super::peer::pause;

/// `root` and all that descend from it.
pub(super) fn tree(root: u32) -> Vec<u32> {
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(&pid) = pids.get(next) {
        for task in tasks(pid) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{task}/children"));
            pids.extend(
                children
                    .unwrap_or_default()
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
        next += 1;
    }
    pids
}

fn tasks(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"));
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The CPU time that each thread of some processes has used, by the scheduler's account in
/// nanoseconds.
#[derive(Clone, Debug)]
pub struct Cpu(BTreeMap<(u32, u32), u64>);

impl Cpu {
    /// Reads it.
    #[must_use]
    pub fn of(pids: &[u32]) -> Self {
        let threads = pids
            .iter()
            .flat_map(|&pid| tasks(pid).into_iter().map(move |task| (pid, task)));
        let nanos = threads.map(|(pid, task)| {
            let text = fs::read_to_string(format!("/proc/{pid}/task/{task}/schedstat"));
            let nanos = text
                .unwrap_or_default()
                .split_whitespace()
                .next()
                .and_then(|nanos| nanos.parse().ok());
            ((pid, task), nanos.unwrap_or(0))
        });
        Self(nanos.collect())
    }

    /// What was used from `earlier` to this: in all, and by the busiest thread, in nanoseconds.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> (u64, u64) {
        let used = self.0.iter().map(|(thread, nanos)| {
            nanos.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0))
        });
        used.fold((0, 0), |(sum, most), nanos| (sum + nanos, most.max(nanos)))
    }
}

/// How many sockets each process has open.
#[must_use]
pub fn sockets(pids: &[u32]) -> Vec<usize> {
    let is_socket = |entry: &fs::DirEntry| {
        fs::read_link(entry.path())
            .is_ok_and(|to| to.as_os_str().as_bytes().starts_with(b"socket:"))
    };
    let count = |pid: &u32| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"));
        let entries = entries.into_iter().flatten().filter_map(Result::ok);
        entries.filter(is_socket).count()
    };
    pids.iter().map(count).collect()
}

/// The memory that a process has written to and holds, in KiB, be it shared with forks or not.
#[must_use]
pub fn memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    line.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

/// How many descriptors a process has open.
#[must_use]
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// How often a process has gone to sleep.
#[must_use]
pub fn sleeps(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

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
    let file = std::env::temp_dir().join(format!("aiotools-bench-calls-{}", std::process::id()));
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter"])
        .args(["-e", "syscalls:sys_enter_epoll_wait"])
        .args(["-p", &list.join(","), "-o"])
        .arg(&file);
    let mut strace = Command::new("strace");
    strace
        .args(["-c", "-f", "-U", "calls,name", "-o"])
        .arg(&file);
    for pid in &list {
        strace.args(["-p", pid]);
    }
    let mut tracer = attach(&mut perf).or_else(|| attach(&mut strace))?;
    work();
    let _ = nix::sys::signal::kill(Pid::from_raw(tracer.id().cast_signed()), Signal::SIGINT);
    let _ = tracer.wait();
    let text = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(&file);
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

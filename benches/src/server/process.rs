//! What can be read of other processes.

use std::{collections::BTreeMap, fs, os::unix::ffi::OsStrExt as _};

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

//! `kill -9`, and what was in the hands of the worker.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A worker that is halted; it goes on when this is dropped.
pub(crate) struct Halted(i32);

impl Halted {
    /// Halts a worker; `None` if it has ended.
    #[expect(clippy::disallowed_methods, reason = "a thread of its own")]
    pub(crate) fn new(pid: i32) -> Option<Self> {
        kill(Pid::from_raw(pid), Signal::SIGSTOP).ok()?;
        let halted = Self(pid);
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            match stat.rsplit_once(") ")?.1.chars().next()? {
                'T' => return Some(halted),
                'Z' | 'X' => return None,
                _ => assert!(Instant::now() < until, "a worker does not halt"),
            }
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// How many connections it has accepted, less those that have been answered and wait for another request.
    ///
    /// The first number is the kernel's, so that it is no matter where in its work the worker was halted. The second is from
    /// the worker's books. It takes a connection out of them as soon as it has read a byte of the next request; between
    /// those two, a client of HTTP sends the request again, as it got nothing of an answer on a kept connection.
    pub(crate) fn in_hands(&self, books: &Path) -> Option<usize> {
        let own = fs::read(books.join(self.0.to_string())).ok()?;
        let (waiting, own) = own.split_first_chunk()?;
        let waiting = usize::try_from(u64::from_le_bytes(*waiting)).ok()?;
        let own = String::from_utf8_lossy(own);
        let own: Vec<&str> = own.split(' ').collect();
        let accepted = fs::read_dir(format!("/proc/{}/fd", self.0))
            .ok()?
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| target.starts_with("socket:") && !own.contains(&&**target))
            .count();
        Some(accepted.saturating_sub(waiting))
    }

    pub(crate) fn kill(self) {
        let _ = kill(Pid::from_raw(self.0), Signal::SIGKILL);
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0), Signal::SIGCONT);
    }
}

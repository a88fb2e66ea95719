//! Runs the server of `src/bin/server_app` and reads what it tells.
#![allow(dead_code, reason = "each of the test binaries uses a part of it")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a server may take for anything, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped, and its workers with it.
pub(crate) struct App {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// How many of those `next` has passed.
    passed: usize,
    stderr: Option<JoinHandle<String>>,
}

/// What a server said and how it ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

impl App {
    /// Starts it with these arguments, separated by spaces. The whole suite can be run without signalfd and pidfd, by
    /// `SERVER_TEST_ARGS=portable`, and on a multi-thread runtime, by `SERVER_TEST_ARGS=threads`.
    pub(crate) fn start(args: &str) -> Self {
        let more = std::env::var("SERVER_TEST_ARGS").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_server_app"));
        command.args(args.split_whitespace().chain(more.split_whitespace()));
        Self::spawn(command)
    }

    /// Starts a server that tells what happens on standard output.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::null(), Stdio::piped())
    }

    /// Does that with these for its standard input and error.
    pub(crate) fn spawn_with(mut command: Command, stdin: Stdio, stderr: Stdio) -> Self {
        let mut child = command
            .env("RUST_BACKTRACE", "0")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the test program is built with the tests");
        // It holds what it was given for its standard streams.
        drop(command);
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let stderr = child.stderr.take();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut text));
            text
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            passed: 0,
            stderr: Some(stderr),
        }
    }

    /// Starts it and waits until all workers are ready.
    pub(crate) fn ready(args: &str) -> Self {
        let mut app = Self::start(args);
        app.line("ready ");
        app
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().expect("a pid")
    }

    /// Waits for a line that begins with this, unless it has come already, and returns the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(rest) = self.seen.iter().find_map(|line| line.strip_prefix(start)) {
                return rest.to_owned();
            }
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(err) => panic!("no line `{start}…` ({err}) after {:#?}", self.seen),
            }
        }
    }

    /// The rests of all lines so far that begin with this.
    pub(crate) fn lines(&mut self, start: &str) -> Vec<String> {
        self.seen.extend(self.lines.try_iter());
        let rests = self.seen.iter().filter_map(|line| line.strip_prefix(start));
        rests.map(str::to_owned).collect()
    }

    /// Waits for the next line that begins with this, of those that no call of this has returned, and returns the rest
    /// of it.
    pub(crate) fn next(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.seen.get(self.passed) {
                self.passed += 1;
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(err) => panic!("no further line `{start}…` ({err}) after {:#?}", self.seen),
            }
        }
    }

    /// Waits until there are so many lines that begin with this.
    pub(crate) fn lines_until(&mut self, count: usize, start: &str) -> Vec<String> {
        let mut lines = Vec::new();
        wait_until(&format!("{count} lines `{start}`"), || {
            lines = self.lines(start);
            lines.len() >= count
        });
        lines
    }

    pub(crate) fn workers(&mut self) -> Vec<i32> {
        let list = self.line("ready ");
        list.trim_matches(['[', ']'])
            .split(", ")
            .map(|pid| pid.parse().expect("a pid"))
            .collect()
    }

    pub(crate) fn address(&mut self) -> SocketAddr {
        self.line("address ").parse().expect("an address")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                // The last of its processes has closed its output.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("no end after {:#?}", self.seen),
            }
        }
        let status = self.child.wait().expect("a child");
        let stderr = self.stderr.take().expect("once").join().expect("no panic");
        Ended {
            status,
            lines: std::mem::take(&mut self.seen),
            stderr,
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks what is the same at every end: signals and descriptors are as before, and no child is left.
    pub(crate) fn tidy(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        assert_eq!(self.all("signals "), ["as before"], "{self}");
        assert_eq!(self.all("descriptors "), ["as before"], "{self}");
        assert_eq!(self.all("children "), ["0"], "{self}");
        self
    }

    /// The rests of all lines that begin with this, sorted.
    pub(crate) fn all(&self, start: &str) -> Vec<&str> {
        let mut rests: Vec<_> = self
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(start))
            .collect();
        rests.sort_unstable();
        rests
    }

    /// The phases that the server went through.
    pub(crate) fn phases(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter_map(|line| line.strip_prefix("phase "))
            .collect()
    }

    /// How often this text stands in what it wrote to standard error.
    pub(crate) fn errors_with(&self, text: &str) -> usize {
        self.stderr.matches(text).count()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{:#?}\n{}", self.status, self.lines, self.stderr)
    }
}

pub(crate) fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("the process is there");
}

/// Whether the process exists; a zombie that nobody has waited for does not count.
pub(crate) fn is_running(pid: i32) -> bool {
    state_of(pid).is_some_and(|state| !['Z', 'X'].contains(&state))
}

/// The state of a process, as the kernel abbreviates it; `None` if there is no such process.
pub(crate) fn state_of(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// What a process has open, as the targets of its descriptors, without the standard streams.
pub(crate) fn open_in(pid: i32) -> Vec<String> {
    let mut open = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the process is there")
        .flatten()
    {
        let number: u32 = entry
            .file_name()
            .to_string_lossy()
            .parse()
            .expect("a descriptor");
        if number > 2 {
            open.extend(
                fs::read_link(entry.path()).map(|target| target.to_string_lossy().into_owned()),
            );
        }
    }
    open
}

/// The processor time that a process has used, in hundredths of a second.
pub(crate) fn cpu_ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let fields: Vec<u64> = stat
        .rsplit_once(") ")
        .expect("a name")
        .1
        .split(' ')
        .filter_map(|field| field.parse().ok())
        .collect();
    // Time in user and kernel mode; the state, which is no number, is left out.
    fields[10] + fields[11]
}

/// Waits for something that is not told.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a line and returns the one that comes back.
pub(crate) fn ask(
    stream: &mut (impl Read + std::io::Write),
    line: &str,
) -> std::io::Result<String> {
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.last() != Some(&b'\n') {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
}

/// A connection on which nothing waits for ever.
pub(crate) fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

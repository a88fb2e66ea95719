//! One server as a process of its own, in a process group that is killed in the end.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::Wire;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our `#[server]`.
    Aiotools,
    /// The same with a queue for each worker.
    AiotoolsQueues,
    /// One process with tokio's multi-thread runtime.
    MultiThread,
    /// Processes forked by hand, with one shared listener.
    Forked,
    /// Threads with a `SO_REUSEPORT` socket and a current-thread runtime each.
    ReusePort,
    /// actix-server.
    Actix,
    /// nginx.
    Nginx,
    /// Python's aiotools on asyncio, with its streams.
    Asyncio,
    /// The same on uvloop.
    Uvloop,
    /// Python's aiotools on asyncio, with a protocol: the quickest form that asyncio has.
    AsyncioProtocol,
    /// The same on uvloop.
    UvloopProtocol,
}

/// Why a peer does not take part.
pub type Skipped = String;

impl Kind {
    const ALL: [Self; 11] = [
        Self::Aiotools,
        Self::AiotoolsQueues,
        Self::MultiThread,
        Self::Forked,
        Self::ReusePort,
        Self::Actix,
        Self::Nginx,
        Self::Asyncio,
        Self::AsyncioProtocol,
        Self::Uvloop,
        Self::UvloopProtocol,
    ];

    /// Those that speak `wire`.
    pub fn that_speak(wire: Wire) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |kind| match wire {
            Wire::Http => !kind.is_python(),
            Wire::Echo => *kind != Self::Nginx,
        })
    }

    fn is_python(self) -> bool {
        self.python().is_some()
    }

    fn python(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Asyncio => Some(["asyncio", "streams"]),
            Self::Uvloop => Some(["uvloop", "streams"]),
            Self::AsyncioProtocol => Some(["asyncio", "protocol"]),
            Self::UvloopProtocol => Some(["uvloop", "protocol"]),
            _ => None,
        }
    }

    /// Whether it answers the question for its allocations.
    #[must_use]
    pub fn counts_allocations(self) -> bool {
        !self.is_python() && self != Self::Nginx
    }

    /// The name in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aiotools => "aiotools `#[server]`",
            Self::AiotoolsQueues => "aiotools, a queue for each worker",
            Self::MultiThread => "one multi-thread tokio process",
            Self::Forked => "forked by hand, one shared listener",
            Self::ReusePort => "threads with SO_REUSEPORT",
            Self::Actix => "actix-server",
            Self::Nginx => "nginx",
            Self::Asyncio => "Python aiotools, asyncio streams",
            Self::Uvloop => "Python aiotools, uvloop streams",
            Self::AsyncioProtocol => "Python aiotools, asyncio protocol",
            Self::UvloopProtocol => "Python aiotools, uvloop protocol",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A server that runs; dropped, it is killed with all its workers.
#[derive(Debug)]
pub struct Peer {
    kind: Kind,
    addr: SocketAddr,
    started_in: Duration,
    process: Child,
    folder: Option<PathBuf>,
}

impl Peer {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    ///
    /// If what it needs is not installed, or it does not start.
    pub fn start(kind: Kind, wire: Wire, workers: usize) -> Result<Self, Skipped> {
        if kind == Kind::Nginx {
            return Self::nginx(workers);
        }
        let mut command = if let Some([event_loop, style]) = kind.python() {
            let python = python()?;
            let mut command = bounded(&python);
            command
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/echo.py"))
                .args([event_loop, style, &workers.to_string()]);
            command
        } else {
            let this = std::env::current_exe().map_err(|err| err.to_string())?;
            let mut command = Command::new(this);
            command.args(["serve", kind.name(), wire.name(), &workers.to_string()]);
            command
        };
        let mut process = command
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|err| format!("it cannot be started: {err}"))?;
        let stdout = process.stdout.take().expect("it is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let words: Vec<_> = line.split_whitespace().collect();
        let parsed = match (&read, &words[..]) {
            (Ok(_), ["listening", "on", addr, "after", nanos, "ns"]) => {
                addr.parse().ok().zip(nanos.parse().ok())
            }
            _ => None,
        };
        let (addr, nanos) = parsed.unwrap_or((([0, 0, 0, 0], 0).into(), 0));
        let peer = Self {
            kind,
            addr,
            started_in: Duration::from_nanos(nanos),
            process,
            folder: None,
        };
        if parsed.is_none() {
            return Err("it did not start".to_owned()); // `peer` is dropped, so killed.
        }
        peer.wait_until_it_answers()
    }

    fn nginx(workers: usize) -> Result<Self, Skipped> {
        let nginx = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .ok_or("it is not installed (Debian: apt-get install nginx-light)")?;
        // nginx cannot be given port 0; the port of a listener that is closed again is free.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|err| err.to_string())?;
        let folder =
            std::env::temp_dir().join(format!("aiotools-bench-nginx-{}", std::process::id()));
        let config = folder.join("nginx.conf");
        let at = folder.display();
        let text = format!(
            "daemon off; worker_processes {workers}; pid {at}/pid; error_log {at}/error.log;
             events {{ worker_connections 10000; }}
             http {{
                 access_log off; keepalive_requests 1000000000; default_type text/plain;
                 client_body_temp_path {at}/1; proxy_temp_path {at}/2; fastcgi_temp_path {at}/3;
                 uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;
                 server {{ listen {addr} backlog=4096; return 200 \"Hello, world\\n\"; }}
             }}"
        );
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&config, text))
            .map_err(|err| err.to_string())?;
        let process = bounded(Path::new(nginx))
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(folder.join("error.log"))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|err| format!("it cannot be started: {err}"))?;
        let peer = Self {
            kind: Kind::Nginx,
            addr,
            started_in: Duration::ZERO,
            process,
            folder: Some(folder),
        };
        peer.wait_until_it_answers()
    }

    fn wait_until_it_answers(self) -> Result<Self, Skipped> {
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.addr).is_err() {
            if Instant::now() > until {
                return Err("nobody listens".to_owned());
            }
            pause(Duration::from_millis(10));
        }
        Ok(self)
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How long it took from the call that runs the server until all workers were ready, as it
    /// says itself.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The process that was started.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The process that was started, and what descends from it.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        super::process::tree(self.process.id())
    }

    /// Sends a signal to the process that was started.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, signal);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process is reaped below, so the group is still its own.
        let _ = killpg(
            Pid::from_raw(self.process.id().cast_signed()),
            Signal::SIGKILL,
        );
        let _ = self.process.wait();
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// A program that ends by itself, with all that it has started, some time after it was forgotten.
fn bounded(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    // Without `--foreground`, which would spare the program's own children.
    command.args(["--kill-after=1", "900"]).arg(program);
    command
}

/// The Python of the scratch environment that `scripts/bench-peers` makes.
fn python() -> Result<PathBuf, Skipped> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-peers/bin/python");
    if python.exists() {
        Ok(python)
    } else {
        Err("Python's aiotools is not installed (scripts/bench-peers does that)".to_owned())
    }
}

/// Blocks this thread, on which nothing else runs.
#[expect(clippy::disallowed_methods, reason = "outside of any runtime")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

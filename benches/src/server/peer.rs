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

use super::{Kind, Wire};
use crate::python::{self, Skipped};

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
        if let Some([event_loop, style]) = kind.python() {
            let mut command = python::command("echo.py")?;
            command.args([event_loop, style, &workers.to_string()]);
            return Self::spawn(kind, &mut command)?.wait_for_workers(workers);
        }
        let this = std::env::current_exe().map_err(|err| err.to_string())?;
        Self::spawn(
            kind,
            Command::new(this).args(served_here(kind, wire, workers)),
        )
    }

    /// Starts one of our own servers as the child of a program that watches it.
    ///
    /// # Errors
    ///
    /// If the program is not installed, or the server does not start.
    pub fn start_under(
        mut tracer: Command,
        kind: Kind,
        wire: Wire,
        workers: usize,
    ) -> Result<Self, Skipped> {
        let this = std::env::current_exe().map_err(|err| err.to_string())?;
        tracer.arg(this).args(served_here(kind, wire, workers));
        Self::spawn(kind, &mut tracer)
    }

    /// Starts what says where it listens.
    fn spawn(kind: Kind, command: &mut Command) -> Result<Self, Skipped> {
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

    /// For those that listen before they fork.
    fn wait_for_workers(self, workers: usize) -> Result<Self, Skipped> {
        let until = Instant::now() + Duration::from_secs(10);
        // `timeout` and the parent.
        while self.pids().len() < workers + 2 {
            if Instant::now() > until {
                return Err("it does not start its workers".to_owned());
            }
            pause(Duration::from_millis(10));
        }
        Ok(self)
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
        let process = python::bounded(nginx)
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
        peer.wait_until_it_answers()?.wait_for_workers(workers)
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

    /// Asks the server that runs under a tracer to stop, and waits until both have ended.
    pub fn stop_under_tracer(mut self) {
        if let [_, server, ..] = self.pids()[..] {
            let _ = nix::sys::signal::kill(Pid::from_raw(server.cast_signed()), Signal::SIGTERM);
        }
        let _ = self.process.wait();
    }

    /// Sends a signal to the process that was started.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, signal);
    }
}

/// The command line that [`serve_if_asked`](super::serve_if_asked) reads.
fn served_here(kind: Kind, wire: Wire, workers: usize) -> [String; 4] {
    ["serve", kind.name(), wire.name(), &workers.to_string()].map(str::to_owned)
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

/// Blocks this thread, on which nothing else runs.
#[expect(clippy::disallowed_methods, reason = "outside of any runtime")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

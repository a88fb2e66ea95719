//! The server under load, as its operator sees it.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long anything may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the processes of the server have said.
#[derive(Debug, Default)]
struct Said {
    ready: BTreeSet<i32>,
    address: Option<SocketAddr>,
    reloads: usize,
    failed_reloads: usize,
    workers: usize,
    upgraded: Option<i32>,
    /// The parents that have ended well.
    over: Vec<i32>,
    strange: Vec<String>,
}

type Shared = Arc<(Mutex<Said>, Condvar)>;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// One of aiotools, with one queue.
    Shared,
    /// One of aiotools, with a queue for each worker.
    Queues,
    /// Workers with a socket each.
    Plain,
}

pub(crate) struct Server {
    kind: Kind,
    said: Shared,
    books: PathBuf,
    work_us: u64,
    /// Where clients connect.
    pub(crate) addr: SocketAddr,
}

/// A reload that has begun, with how many there were before.
pub(crate) struct Reload((usize, usize));

enum Kind {
    /// The parent, which is our child until the first upgrade, and its pid.
    Shared(Option<Child>, i32),
    /// The workers, and what keeps their port.
    Plain(Vec<Child>),
}

impl Server {
    pub(crate) fn start(design: Design, workers: usize, work_us: u64) -> Self {
        let books = env::temp_dir().join(format!("aiotools-load-{}", std::process::id()));
        std::fs::create_dir_all(&books).expect("a directory");
        let said = Shared::default();
        let mut server = Self {
            kind: Kind::Plain(Vec::new()),
            said,
            books,
            work_us,
            addr: ([127, 0, 0, 1], 0).into(),
        };
        if design != Design::Plain {
            let queues = if design == Design::Queues {
                "many"
            } else {
                "one"
            };
            let workers = format!("workers={workers}");
            let args = ["addr=127.0.0.1:0", &workers, &format!("queues={queues}")];
            let parent = server.spawn("shared", &args);
            let pid = parent.id().cast_signed();
            server.kind = Kind::Shared(Some(parent), pid);
            server.addr = server.until("an address", |said| said.address);
        } else {
            // A port that is free now.
            let free = TcpListener::bind(server.addr).and_then(|socket| socket.local_addr());
            server.addr = free.expect("a port");
            for _ in 0..workers {
                server.add_plain();
            }
        }
        server.until("workers", |said| {
            (said.ready.len() == workers).then_some(())
        });
        server
    }

    fn spawn(&self, kind: &str, args: &[&str]) -> Child {
        let program = env::current_exe()
            .expect("a path")
            .with_file_name("load_server");
        let mut child = Command::new(program)
            .arg(kind)
            .args(args)
            .arg(format!("work_us={}", self.work_us))
            .arg(format!("books={}", self.books.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect(
                "`load_server` stands beside this program: cargo build -p aiotools-tests --bins",
            );
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let said = Arc::clone(&self.said);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let mut now = said.0.lock().unwrap_or_else(PoisonError::into_inner);
                now.hear(&line);
                said.1.notify_all();
            }
        });
        child
    }

    /// Starts one more, and waits until it serves.
    fn add_plain(&mut self) {
        let child = self.spawn("plain", &[&format!("addr={}", self.addr)]);
        let pid = child.id().cast_signed();
        match &mut self.kind {
            Kind::Plain(children) => children.push(child),
            Kind::Shared(..) => unreachable!("its parent adds them"),
        }
        self.until("a new worker", |said| {
            said.ready.contains(&pid).then_some(())
        });
    }

    /// Has the first one end, by `signal`, and waits for that.
    fn remove_plain(&mut self, at: usize, signal: Signal) {
        if let Kind::Plain(children) = &mut self.kind {
            let mut child = children.remove(at);
            let pid = child.id().cast_signed();
            self.said
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .ready
                .remove(&pid);
            kill(Pid::from_raw(pid), signal).expect("it is there");
            child.wait().expect("a child");
        }
    }

    /// Waits until `found` is in what has been said.
    fn until<T>(&self, what: &str, mut found: impl FnMut(&Said) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut said = self.said.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = found(&said) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {said:?}");
            said = self
                .said
                .1
                .wait_timeout(said, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The workers that are ready.
    pub(crate) fn workers(&self) -> Vec<i32> {
        let said = self.said.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.ready.iter().copied().collect()
    }

    pub(crate) fn books(&self) -> &Path {
        &self.books
    }

    /// What was said that is not expected.
    pub(crate) fn strange(&self) -> Vec<String> {
        let said = self.said.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.strange.clone()
    }

    fn signal(&self, signal: Signal) {
        if let Kind::Shared(_, parent) = self.kind {
            kill(Pid::from_raw(parent), signal).expect("it is there");
        }
    }

    /// Begins to replace all workers, one after the other; [`reloaded`](Self::reloaded) waits for the end of it.
    pub(crate) fn reload(&mut self) -> Reload {
        let before = self.until("", |said| Some((said.reloads, said.failed_reloads)));
        match &self.kind {
            Kind::Shared(..) => self.signal(Signal::SIGHUP),
            Kind::Plain(children) => {
                for _ in 0..children.len() {
                    self.add_plain();
                    self.remove_plain(0, Signal::SIGTERM);
                }
            }
        }
        Reload(before)
    }

    /// Waits until a reload is over, and there are as many workers as there should be; whether it came to its end.
    pub(crate) fn reloaded(&self, reload: &Reload, workers: usize) -> bool {
        let Reload(before) = *reload;
        if let Kind::Plain(_) = self.kind {
            return true;
        }
        self.until("a reload", |said| {
            let over = (said.reloads, said.failed_reloads) != before;
            (over && said.ready.len() == workers).then_some(said.reloads > before.0)
        })
    }

    /// Has another server take the place of this one; whether it does. There are `workers` of it.
    pub(crate) fn upgrade(&mut self, workers: usize) -> bool {
        let before = self.workers();
        if !self.is_supervised() {
            return true;
        }
        self.signal(Signal::SIGUSR2);
        let upgraded = self.until("an upgrade", |said| {
            (said.upgraded.is_some() || !said.strange.is_empty()).then_some(said.upgraded)
        });
        let Some(pid) = upgraded else {
            return false;
        };
        self.until("the workers of the new server", |said| {
            let none_of_before = before.iter().all(|pid| !said.ready.contains(pid));
            (none_of_before && said.ready.len() == workers).then_some(())
        });
        self.said
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .upgraded = None;
        let Kind::Shared(child, parent) = &mut self.kind else {
            return false;
        };
        let before = std::mem::replace(parent, pid);
        let child = child.take();
        self.until("the end of the old server", |said| {
            said.over.contains(&before).then_some(())
        });
        child.is_none_or(|mut child| child.wait().expect("a child").success())
    }

    /// Whether workers may be killed while others come and go.
    pub(crate) fn is_supervised(&self) -> bool {
        matches!(self.kind, Kind::Shared(..))
    }

    /// One worker more, or one less, so that there are `wanted`; waits until that is so.
    pub(crate) fn scale(&mut self, up: bool, wanted: usize) {
        match &self.kind {
            Kind::Shared(..) => {
                self.signal(if up { Signal::SIGTTIN } else { Signal::SIGTTOU });
                self.until("another number of workers", |said| {
                    (said.workers == wanted && said.ready.len() == wanted).then_some(())
                });
            }
            Kind::Plain(_) if up => self.add_plain(),
            Kind::Plain(_) => self.remove_plain(0, Signal::SIGTERM),
        }
    }

    /// A worker has been killed: waits until another one is in its place.
    pub(crate) fn killed(&mut self, pid: i32, workers: usize) {
        match &mut self.kind {
            Kind::Shared(..) => self.until("a respawned worker", |said| {
                (!said.ready.contains(&pid) && said.ready.len() == workers).then_some(())
            }),
            Kind::Plain(children) => {
                let at = children
                    .iter()
                    .position(|child| child.id().cast_signed() == pid);
                self.remove_plain(at.expect("one of them"), Signal::SIGKILL);
                self.add_plain();
            }
        }
    }

    /// Stops it for good; whether it ended well.
    pub(crate) fn stop(&mut self) -> bool {
        match &mut self.kind {
            Kind::Shared(_, parent) => {
                let parent = *parent;
                self.signal(Signal::SIGTERM);
                self.until("the end", |said| {
                    let failed = said.strange.iter().any(|line| line.starts_with("failed"));
                    (failed || said.over.contains(&parent)).then_some(!failed)
                })
            }
            Kind::Plain(children) => {
                for child in &mut *children {
                    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)
                        .expect("it is there");
                }
                children
                    .iter_mut()
                    .all(|child| child.wait().expect("a child").success())
            }
        }
    }
}

impl Said {
    fn hear(&mut self, line: &str) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let pid = || rest.parse().expect("a pid");
        match what {
            "ready" => drop(self.ready.insert(pid())),
            "ended" => drop(self.ready.remove(&pid())),
            "upgraded" => self.upgraded = Some(pid()),
            "over" => self.over.push(pid()),
            "address" => self.address = rest.parse().ok(),
            "reloaded" => self.reloads += 1,
            "scaled" => self.workers = rest.parse().expect("a number"),
            "reload" => {
                self.failed_reloads += 1;
                self.strange.push(line.to_owned());
            }
            _ => self.strange.push(line.to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &mut self.kind {
            Kind::Shared(child, pid) => {
                let over = {
                    let said = self.said.0.lock().unwrap_or_else(PoisonError::into_inner);
                    said.over.contains(pid)
                };
                if !over {
                    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                }
                if let Some(child) = child {
                    let _ = child.wait();
                }
            }
            Kind::Plain(children) => {
                for child in children {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
        let _ = std::fs::remove_dir_all(&self.books);
    }
}

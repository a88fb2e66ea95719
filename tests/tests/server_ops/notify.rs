//! What the service manager is told, seen from a socket like its own.

use std::{
    io::IoSliceMut,
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::{Duration, Instant},
};

use nix::sys::{
    signal::Signal,
    socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, setsockopt, sockopt},
};

use crate::{
    server_support::{App, PATIENCE},
    support::{Dir, command},
};

pub(crate) struct Manager {
    socket: UnixDatagram,
    variable: String,
    _dir: Option<Dir>,
}

impl Manager {
    pub(crate) fn at_a_path() -> Self {
        let dir = Dir::new();
        let path = dir.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self::new(socket, path.display().to_string(), Some(dir))
    }

    fn abstract_one() -> Self {
        let name = format!("aiotools-notify-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&addr).unwrap();
        Self::new(socket, format!("@{name}"), None)
    }

    fn new(socket: UnixDatagram, variable: String, dir: Option<Dir>) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        setsockopt(&socket, sockopt::PassCred, &true).unwrap();
        Self {
            socket,
            variable,
            _dir: dir,
        }
    }

    pub(crate) fn variable(&self) -> (&'static str, &str) {
        ("NOTIFY_SOCKET", &self.variable)
    }

    pub(crate) fn start(&self, args: &str, more: &[(&str, &str)]) -> App {
        let mut command = command(args);
        command.envs([self.variable()]);
        command.envs(more.iter().copied());
        App::spawn(command)
    }

    fn next(&self) -> String {
        self.next_from().0
    }

    /// The next message, and the process that it comes from.
    fn next_from(&self) -> (String, i32) {
        let mut bytes = [0; 4096];
        let mut into = [IoSliceMut::new(&mut bytes)];
        let mut space = nix::cmsg_space!(UnixCredentials);
        let flags = MsgFlags::empty();
        let got = recvmsg::<()>(self.socket.as_raw_fd(), &mut into, Some(&mut space), flags)
            .expect("something is told");
        let sender = got.cmsgs().unwrap().find_map(|cmsg| match cmsg {
            ControlMessageOwned::ScmCredentials(sender) => Some(sender.pid()),
            _ => None,
        });
        let (sender, n) = (sender.expect("the kernel says who"), got.bytes);
        (String::from_utf8_lossy(&bytes[..n]).into_owned(), sender)
    }

    /// Waits for a message with this line; others are passed over.
    pub(crate) fn line(&self, start: &str) -> String {
        self.line_from(start, None)
    }

    /// The same, where all that comes must come from this process: systemd hears no other one.
    pub(crate) fn line_from(&self, start: &str, main: Option<i32>) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no message with {start}");
            let (message, sender) = self.next_from();
            assert_eq!(sender, main.unwrap_or(sender), "{message}");
            if message.lines().any(|line| line.starts_with(start)) {
                return message;
            }
        }
    }
}

#[test]
fn notify_tells_the_life_of_the_server() {
    for manager in [Manager::at_a_path(), Manager::abstract_one()] {
        let mut app = manager.start("workers=2", &[]);
        assert_eq!(manager.next(), "STATUS=starting the workers");
        assert_eq!(manager.next(), "READY=1\nSTATUS=2 workers serve");
        app.line("ready ");
        app.signal(Signal::SIGHUP);
        let reloading = manager.next();
        let mut lines = reloading.lines();
        assert_eq!(lines.next(), Some("RELOADING=1"));
        let usec = lines
            .next()
            .unwrap()
            .strip_prefix("MONOTONIC_USEC=")
            .unwrap();
        assert!(usec.parse::<u64>().unwrap() > 0);
        assert_eq!(manager.next(), "READY=1\nSTATUS=2 workers serve");
        app.signal(Signal::SIGTTIN);
        assert_eq!(manager.next(), "STATUS=3 workers serve");
        app.signal(Signal::SIGTERM);
        assert_eq!(
            manager.next(),
            "STOPPING=1\nSTATUS=stopping; the workers have 20s to finish"
        );
        let ended = app.end();
        assert!(ended.status.success(), "{ended}");
        // No process that a worker starts speaks for the server.
        assert_eq!(ended.all("environment "), ["[]"]);
    }
}

#[test]
fn notify_says_why_a_reload_failed() {
    let manager = Manager::at_a_path();
    let flag = Dir::new();
    let path = flag.path("fail");
    let mut app = manager.start(&format!("workers=1 fail_if={}", path.display()), &[]);
    app.line("ready ");
    std::fs::write(&path, "").unwrap();
    app.signal(Signal::SIGHUP);
    manager.line("RELOADING=1");
    let message = manager.line("READY=1");
    assert!(
        message.contains(
            "the last reload failed: worker 0 failed during initialization: told to fail"
        ),
        "{message}"
    );
}

#[test]
fn notify_feeds_the_watchdog() {
    let manager = Manager::at_a_path();
    let mut app = manager.start("workers=1", &[("WATCHDOG_USEC", "100000")]);
    app.line("ready ");
    for _ in 0..5 {
        manager.line("WATCHDOG=1");
    }
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

#[test]
fn notify_leaves_the_watchdog_of_another_process() {
    let manager = Manager::at_a_path();
    let others = [("WATCHDOG_USEC", "10000"), ("WATCHDOG_PID", "1")];
    let mut app = manager.start("workers=1", &others);
    app.line("ready ");
    manager.line("READY=1");
    manager
        .socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err());
}

#[test]
fn notify_is_not_needed() {
    let mut app = App::spawn({
        let mut command = command("workers=1");
        command.env("NOTIFY_SOCKET", "/nowhere/to/be/found");
        command
    });
    app.line("ready ");
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

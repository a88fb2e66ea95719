//! Listeners: several, of all kinds, and those that a service manager passes.

use std::{
    collections::HashSet,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::PermissionsExt as _, net::UnixListener},
    },
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};
use socket2::{Domain, SockFilter, Socket, Type};

use crate::{
    server_support::{App, PATIENCE, wait_until},
    support::{Dir, Done, answer, answer_tcp, answer_unix, command, queues_are_refused, ready},
};

#[test]
fn listeners_several_at_once() {
    let dir = Dir::new();
    let path = dir.path("s");
    let mut app = ready(&format!(
        "listen=tcp:127.0.0.1:0,tcp:127.0.0.1:0|name=second,unix:{}|mode=660 serve=127.0.0.1:0 serve_unix={}",
        path.display(),
        path.display()
    ));
    let addrs = app.lines("address ");
    assert_eq!(addrs.len(), 2);
    for addr in &addrs {
        let via = answer_tcp(addr).unwrap().via;
        assert_eq!(via, format!("127.0.0.1:0@{addr}"));
    }
    assert!(answer_unix(&path).is_ok());
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660);
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert!(!path.exists());
}

/// What a server leaves that was killed.
#[test]
fn listeners_replace_a_stale_socket_file() {
    let dir = Dir::new();
    let path = dir.path("s");
    let args = format!("listen=unix:{0} serve_unix={0}", path.display());
    let app = ready(&args);
    app.signal(Signal::SIGKILL);
    app.end();
    assert!(path.exists());
    let app = ready(&args);
    assert!(answer_unix(&path).is_ok());
    // A second server does not take it away from the first one.
    let second = App::spawn(command(&args)).end();
    assert!(
        second
            .stderr
            .contains("another process has the socket there open"),
        "{second}"
    );
    assert!(answer_unix(&path).is_ok());
    drop(app);
}

#[test]
fn listeners_refuse_what_cannot_be() {
    let cases = [
        ("tcp:127.0.0.1:0|mode=600", "mode(..) is for Unix listeners"),
        (
            "tcp:127.0.0.1:0|name=a,tcp:127.0.0.1:0|name=a",
            "another listener has the same name",
        ),
        (
            "activated:web",
            "no socket of this name was passed, none was",
        ),
    ];
    for (listen, text) in cases {
        let ended = App::spawn(command(&format!("listen={listen}"))).end();
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains(text), "{ended}");
    }
}

#[test]
fn listeners_with_a_queue_per_worker() {
    if queues_are_refused() {
        return;
    }
    let mut app = ready("workers=3 listen=tcp:127.0.0.1:0|reuse_port serve=127.0.0.1:0");
    let addr = app.line("address ");
    let answered: HashSet<_> = (0..100)
        .map(|_| answer_tcp(&addr).unwrap().worker)
        .collect();
    assert_eq!(answered.len(), 3);
    // Another server cannot take a share of the connections.
    let second = App::spawn(command(&format!("listen=tcp:{addr}|reuse_port"))).end();
    assert!(second.stderr.contains("in use"), "{second}");
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

/// New connections go to the workers that stay, and those that are on their way to the others are
/// still served.
#[test]
fn listeners_with_a_queue_per_worker_lose_nothing_when_scaled() {
    if queues_are_refused() {
        return;
    }
    let mut app = ready("workers=4 listen=tcp:127.0.0.1:0|reuse_port serve=127.0.0.1:0");
    let addr = app.line("address ");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut answered = 0;
                    while !done.load(Ordering::Relaxed) {
                        answer_tcp(&addr).expect("an answer");
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        let stop = Done(&done);
        // One after the other: two that are pending are one.
        for workers in [3, 2, 1] {
            app.signal(Signal::SIGTTOU);
            app.line(&format!("event Scaled {{ workers: {workers}"));
        }
        for index in 1..4 {
            app.line(&format!("event WorkerEnded {{ index: {index}"));
        }
        // Four again, of which three take the sockets that were left.
        for index in 1..4 {
            app.signal(Signal::SIGTTIN);
            app.lines_until(2, &format!("event WorkerReady {{ index: {index}"));
        }
        wait_until("all four serve", || {
            let serving: HashSet<_> = (0..40).map(|_| answer_tcp(&addr).unwrap().worker).collect();
            serving.len() == 4
        });
        drop(stop);
        let answered: usize = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum();
        assert!(answered > 100, "{answered}");
    });
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
}

/// A connection whose handshake takes longer than its worker lingers, as packets are lost, is served by a worker that is
/// started for it.
#[test]
fn listeners_with_a_queue_per_worker_serve_late_handshakes() {
    if queues_are_refused() {
        return;
    }
    let mut app = ready("workers=2 listen=tcp:127.0.0.1:0|reuse_port serve=127.0.0.1:0");
    let addr: SocketAddr = app.line("address ").parse().unwrap();
    // What the kernel answers to the first packet does not reach these clients, of which each of the workers has some.
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client
                .attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])
                .unwrap();
            client.set_nonblocking(true).unwrap();
            client.connect(&addr.into()).expect_err("it goes on");
            client
        })
        .collect();
    app.signal(Signal::SIGTTOU);
    app.line("event WorkerEnded { index: 1");
    for client in &clients {
        client.detach_filter().unwrap();
    }
    let mut pids = HashSet::new();
    for client in clients {
        let mut fds = [PollFd::new(client.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap();
        client.set_nonblocking(false).unwrap();
        let mut client = TcpStream::from(client);
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        pids.insert(answer(&mut client).expect("an answer").pid);
    }
    assert_eq!(
        pids.len(),
        2,
        "one of the first workers, and one for those that were late"
    );
    // Which is gone when it has done that.
    app.lines_until(2, "event WorkerEnded { index: 1");
    for _ in 0..20 {
        let worker = answer_tcp(&addr.to_string()).unwrap().worker;
        assert_eq!(worker, 0);
    }
    app.signal(Signal::SIGTERM);
    assert!(app.end().status.success());
}

/// Starts the server with two sockets, at descriptors 3 and 4, as systemd does.
fn activate(args: &str, sockets: [OwnedFd; 2], names: &str) -> App {
    activate_with(args, sockets, names, &[])
}

pub(crate) fn activate_with(
    args: &str,
    sockets: [OwnedFd; 2],
    names: &str,
    more: &[(&str, &str)],
) -> App {
    let [first, second] = sockets.map(Stdio::from);
    let script = format!(
        "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES={names} exec {} \"$@\" 3<&0 4<&2 0</dev/null 2>&1",
        env!("CARGO_BIN_EXE_ops_app")
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, "sh"])
        .args(args.split_whitespace())
        .envs(more.iter().copied());
    App::spawn_with(command, first, second)
}

#[test]
fn listeners_are_activated_by_name() {
    let dir = Dir::new();
    let path = dir.path("s");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = tcp.local_addr().unwrap().to_string();
    let unix = UnixListener::bind(&path).unwrap();
    // The names are the other way round than they are asked for.
    let mut app = activate(
        "listen=activated:web|or=tcp:127.0.0.1:0,activated:admin serve=web serve_unix=admin",
        [unix.into(), tcp.into()],
        "admin:web",
    );
    app.line("ready ");
    assert_eq!(app.line("address "), addr);
    assert_eq!(answer_tcp(&addr).unwrap().via, format!("web@{addr}"));
    assert_eq!(answer_unix(&path).unwrap().via, "admin");
    app.signal(Signal::SIGTERM);
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("environment "), ["[]"]);
    assert!(
        ended.all("start ").iter().all(|line| line.ends_with("[]")),
        "{ended}"
    );
    // The file is the service manager's.
    assert!(path.exists());
}

#[test]
fn listeners_of_one_name_are_all_activated() {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addrs: HashSet<_> = sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap().to_string())
        .collect();
    let mut app = activate(
        "listen=activated:web serve=web",
        sockets.map(Into::into),
        "web:web",
    );
    app.line("ready ");
    for addr in &addrs {
        assert_eq!(answer_tcp(addr).unwrap().via, format!("web@{addr}"));
    }
    assert_eq!(
        app.lines("address ").into_iter().collect::<HashSet<_>>(),
        addrs
    );
}

#[test]
fn listeners_for_another_process_are_left() {
    let mut foreign = command("listen=activated:web|or=tcp:127.0.0.1:0 serve=web");
    foreign
        .env("LISTEN_PID", "1")
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDNAMES", "web");
    let mut app = App::spawn(foreign);
    app.line("ready ");
    assert!(answer_tcp(&app.line("address ")).is_ok());
    app.signal(Signal::SIGTERM);
    assert_eq!(app.end().all("environment "), ["[]"]);
}

#[test]
fn listeners_passed_that_do_not_fit_are_told() {
    let datagram = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = activate(
        "listen=activated:web",
        [datagram.into(), tcp.into()],
        "web:other",
    )
    .end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .lines
            .iter()
            .any(|line| line.contains("not a listening stream socket")),
        "{ended}"
    );
}

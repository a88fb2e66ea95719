//! The units of the page `operations`: that systemd knows what stands in them, and that the server does what they say.

use std::{collections::BTreeMap, fs, net::TcpListener, process::Command, time::Duration};

use aiotools::WorkerContext;
use nix::sys::signal::Signal;

use crate::{
    listeners::activate_with,
    notify::Manager,
    server_support::{App, is_running, send, wait_until},
    support::{Dir, answer_tcp, command},
    upgrade::{New, finish_quietly},
};

const PAGE: &str = include_str!("../../../aiotools/src/server/operations.md");

/// By section and option.
#[derive(Debug, Clone)]
struct Unit(BTreeMap<(String, String), String>);

impl Unit {
    fn parse(text: &str) -> Self {
        let mut section = String::new();
        let mut options = BTreeMap::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.strip_suffix(']').expect("a section").to_owned();
            } else if let Some((key, value)) = line.split_once('=') {
                let before = options.insert((section.clone(), key.to_owned()), value.to_owned());
                assert_eq!(before, None, "{key} is there twice");
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "what is {line}?");
            }
        }
        Self(options)
    }

    fn set(&mut self, section: &str, key: &str, value: &str) {
        let at = (section.to_owned(), key.to_owned());
        self.0.insert(at, value.to_owned());
    }

    fn get(&self, section: &str, key: &str) -> &str {
        let at = (section.to_owned(), key.to_owned());
        self.0.get(&at).unwrap_or_else(|| panic!("{key} is set"))
    }

    fn text(&self) -> String {
        let lines = self.0.iter();
        lines
            .map(|((section, key), value)| format!("[{section}]\n{key}={value}\n"))
            .collect()
    }
}

/// The service and its socket.
fn units() -> (Unit, Unit) {
    let mut blocks = PAGE.split("```ini\n").skip(1);
    let mut next = || {
        let block = blocks.next().expect("a unit");
        let (block, _) = block.split_once("```").expect("its end");
        Unit::parse(block)
    };
    (next(), next())
}

/// As the page says, for a systemd that does not know `notify-reload`.
fn before_253(service: &Unit) -> Unit {
    let advice = "write `Type=notify`, and\n  `ExecReload=/bin/kill -HUP $MAINPID` in the place of `ReloadSignal=SIGHUP`";
    assert!(PAGE.contains(advice));
    let mut service = service.clone();
    service.set("Service", "Type", "notify");
    service.set("Service", "ExecReload", "/bin/kill -HUP $MAINPID");
    let reload = ("Service".to_owned(), "ReloadSignal".to_owned());
    assert_eq!(service.0.remove(&reload).as_deref(), Some("SIGHUP"));
    service
}

const ANY: &[&str] = &[];

/// What systemd documents of what we use, by section: the option, and where it takes one of a few words, these. From
/// systemd.unit(5), systemd.service(5), systemd.kill(5), systemd.exec(5) and systemd.socket(5).
const DOCUMENTED: &[(&str, &str, &[&str])] = &[
    ("Unit", "Description", ANY),
    ("Unit", "Requires", ANY),
    ("Install", "WantedBy", ANY),
    ("Service", "ExecReload", ANY),
    ("Service", "ExecStart", ANY),
    (
        "Service",
        "KillMode",
        &["control-group", "mixed", "process", "none"],
    ),
    ("Service", "NoNewPrivileges", &["yes", "no"]),
    ("Service", "ReloadSignal", ANY),
    (
        "Service",
        "Restart",
        &[
            "no",
            "on-success",
            "on-failure",
            "on-abnormal",
            "on-watchdog",
            "on-abort",
            "always",
        ],
    ),
    ("Service", "TimeoutStopSec", ANY),
    (
        "Service",
        "Type",
        &[
            "simple",
            "exec",
            "forking",
            "oneshot",
            "dbus",
            "notify",
            "notify-reload",
            "idle",
        ],
    ),
    ("Service", "WatchdogSec", ANY),
    ("Socket", "FileDescriptorName", ANY),
    ("Socket", "ListenStream", ANY),
];

#[test]
fn systemd_units_have_documented_options() {
    let (service, socket) = units();
    for unit in [before_253(&service), service, socket] {
        for ((section, key), value) in &unit.0 {
            let documented = DOCUMENTED
                .iter()
                .find(|row| (row.0, row.1) == (section, key));
            let (.., words) =
                documented.unwrap_or_else(|| panic!("[{section}] {key}= is documented"));
            assert!(
                words.is_empty() || words.contains(&value.as_str()),
                "{key}={value}"
            );
        }
    }
}

/// By systemd itself, where it is installed.
#[test]
fn systemd_verifies_the_units() {
    let systemd = |args: &[&str]| Command::new("systemd-analyze").args(args).output();
    let Ok(version) = systemd(&["--version"]) else {
        println!("left out, as there is no systemd-analyze");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse::<u32>().ok());
    let (mut service, socket) = units();
    if number.expect("a number") < 253 {
        service = before_253(&service);
    }
    // It has to be there.
    service.set("Service", "ExecStart", env!("CARGO_BIN_EXE_ops_app"));
    let name = service.get("Unit", "Requires").strip_suffix(".socket");
    let name = name.expect("a socket unit").to_owned();
    assert!(PAGE.contains(&format!("# {name}.socket\n[Socket]")));
    let dir = Dir::new();
    let verify = |service: &Unit| {
        let paths = [
            dir.path(&format!("{name}.service")),
            dir.path(&format!("{name}.socket")),
        ];
        fs::write(&paths[0], service.text()).unwrap();
        fs::write(&paths[1], socket.text()).unwrap();
        let [service, socket] = paths.each_ref().map(|path| path.to_str().expect("text"));
        systemd(&[
            "verify",
            "--man=no",
            "--recursive-errors=no",
            service,
            socket,
        ])
        .unwrap()
    };
    let verified = verify(&service);
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && said.is_empty(),
        "{version}{said}"
    );
    // It would say so.
    service.set("Service", "KillMode", "gently");
    let said = verify(&service).stderr;
    assert!(String::from_utf8_lossy(&said).contains("gently"));
}

#[aiotools::server]
async fn idle(_ctx: WorkerContext) {
    yield_!();
}

/// A time span in seconds, the one form that the units use.
fn seconds(span: &str) -> Duration {
    Duration::from_secs(span.parse().expect("seconds"))
}

/// The limits of the unit are wider than those of a server as it is.
#[test]
fn systemd_unit_leaves_the_server_its_time() {
    let (service, _) = units();
    let server = format!("{:?}", aiotools::start_server(idle));
    let (_, rest) = server.split_once("wait_timeout: ").expect("an option");
    let (limit, _) = rest.split_once("s,").expect("seconds");
    assert!(seconds(service.get("Service", "TimeoutStopSec")) > seconds(limit));
    assert!(seconds(service.get("Service", "WatchdogSec")) >= Duration::from_secs(1));
}

/// Type, NotifyAccess (its default is `main`), ReloadSignal, FileDescriptorName, KillMode and Restart: the service from its
/// start over a reload and an upgrade to its stop.
#[test]
fn systemd_unit_is_what_the_server_does() {
    let (service, socket) = units();
    let name = socket.get("Socket", "FileDescriptorName");
    assert!(PAGE.contains(&format!("Listen::activated(\"{name}\").or(")));
    assert_eq!(service.get("Service", "Type"), "notify-reload");
    let reload = service.get("Service", "ReloadSignal").parse::<Signal>();

    let manager = Manager::at_a_path();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addrs = sockets
        .each_ref()
        .map(|socket| socket.local_addr().unwrap().to_string());
    let watchdog = seconds(service.get("Service", "WatchdogSec"))
        .as_micros()
        .to_string();
    let mut app = activate_with(
        &format!("outlive workers=2 listen=activated:{name}|or=tcp:127.0.0.1:0 serve={name}"),
        sockets.map(Into::into),
        &format!("{name}:{name}"),
        &[manager.variable(), ("WATCHDOG_USEC", &watchdog)],
    );
    let main = app.pid();
    manager.line_from("WATCHDOG=1", Some(main));
    manager.line_from("READY=1", Some(main));
    for addr in &addrs {
        assert!(answer_tcp(addr).is_ok());
    }

    app.signal(reload.expect("a signal"));
    let message = manager.line_from("RELOADING=1", Some(main));
    assert!(message.contains("\nMONOTONIC_USEC="), "{message}");
    manager.line_from("READY=1", Some(main));

    // systemd hears of the other process from the one that it knows.
    app.signal(Signal::SIGUSR2);
    let new = New::of(&mut app);
    let message = manager.line_from("MAINPID=", Some(main));
    assert!(
        message.starts_with(&format!("MAINPID={}\n", new.0)),
        "{message}"
    );
    wait_until("the old server ends", || !is_running(main));
    manager.line_from("READY=1", Some(new.0));
    manager.line_from("WATCHDOG=1", Some(new.0));
    for addr in &addrs {
        assert!(answer_tcp(addr).is_ok());
    }

    assert_eq!(service.get("Service", "KillMode"), "mixed");
    send(new.0, Signal::SIGTERM);
    manager.line_from("STOPPING=1", Some(new.0));
    // It ends well: `Restart=on-failure` leaves it at that.
    finish_quietly(app, &new);
    assert_eq!(service.get("Service", "Restart"), "on-failure");
    let failed = App::spawn(command("workers=1 fail=0")).end();
    assert_eq!(failed.status.code(), Some(1), "{failed}");
}

/// With the default, `control-group`, all processes get the signal, and the ones that are left one more after
/// `TimeoutStopSec`, which is for none to see.
#[test]
fn systemd_may_signal_all_processes() {
    let mut app = App::spawn(command("workers=3 extra=wait"));
    app.line("ready ");
    for index in 3..6 {
        app.line(&format!("event WorkerReady {{ index: {index}"));
    }
    let started = app.lines("event WorkerStarted { index: ");
    let pid = |line: &String| {
        let (_, pid) = line.trim_end_matches(" }").split_once("pid: ").unwrap();
        pid.parse().unwrap()
    };
    let all: Vec<i32> = started.iter().map(pid).chain([app.pid()]).collect();
    assert_eq!(all.len(), 7);
    for pid in all {
        send(pid, Signal::SIGTERM);
    }
    let ended = app.end();
    assert!(ended.status.success(), "{ended}");
    assert_eq!(ended.all("stop ").len(), 3, "{ended}");
    assert_eq!(ended.all("extra end ").len(), 3, "{ended}");
    assert_eq!(ended.all("event WorkerFailed").len(), 0, "{ended}");
}

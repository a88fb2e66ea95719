//! What was measured on, and what beside.

use std::{fmt::Write as _, fs, path::Path, process::Command};

/// The peers that have a version in `Cargo.lock`.
const PEERS: [&str; 8] = [
    "tokio",
    "tokio-util",
    "futures",
    "futures-concurrency",
    "async-scoped",
    "async-dropper-simple",
    "actix-server",
    "mimalloc",
];

/// What a command says, in one line.
fn said(command: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> String {
    let output = Command::new(command).args(args).output();
    let text = output.map(|output| {
        // nginx tells its version on the other one.
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&all).trim().to_owned();
        text.lines().next().unwrap_or_default().to_owned()
    });
    text.unwrap_or_default()
}

/// The machine, as a table.
pub(crate) fn table() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = said("uname", &["-sr"]);
    let rustc = said("rustc", &["--version"]);
    let mut table = String::from("| | |\n|---|---|\n");
    for (what, value) in [
        ("machine", format!("{model}, {cores} cores")),
        ("system", system),
        ("compiler", format!("{rustc}, `cargo bench` without LTO")),
        ("peers", peers()),
    ] {
        let _ = writeln!(table, "| {what} | {value} |");
    }
    table
}

fn peers() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version = |name: &str| {
        let package = lock
            .split("[[package]]")
            .find(|package| package.contains(&format!("name = \"{name}\"\n")))?;
        let (_, rest) = package.split_once("version = \"")?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    };
    let mut peers: Vec<String> = PEERS.into_iter().filter_map(version).collect();
    let nginx = said("/usr/sbin/nginx", &["-v"]);
    peers.extend(
        nginx
            .split_once('/')
            .map(|(_, version)| format!("nginx {version}")),
    );
    let python = Path::new("target/bench-peers/bin/python");
    if python.exists() {
        peers.push(said(python, &["--version"]));
        for package in ["aiotools", "uvloop"] {
            let ask = format!("import importlib.metadata as m; print(m.version('{package}'))");
            peers.push(format!("its {package} {}", said(python, &["-c", &ask])));
        }
    }
    peers.join(", ")
}

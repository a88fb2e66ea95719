//! How long does a crate with 100 annotated functions compile, beside the same written by hand?
//!
//! `cargo bench -p aiotools-benches --bench compile_time`. Two small crates are written under the target directory and checked by cargo in
//! turns, their dependencies beforehand; CPU time of cargo and rustc together. "By hand" has no guarantees: set-up, body, cleanup, in a
//! function that takes the body.
#![allow(missing_docs, reason = "a bench")]

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use aiotools_benches::{Table, setting};
use nix::sys::resource::{UsageWho, getrusage};

const FUNCTIONS: usize = 100;

fn annotated() -> String {
    let mut text = String::from("use aiotools::actxmgr;\n");
    for n in 0..FUNCTIONS {
        let _ = writeln!(
            text,
            "#[actxmgr]\n\
             pub async fn manager_{n}(name: String) -> &mut String {{\n\
                 let mut lease = crate::take(name).await;\n\
                 yield_!(&mut lease);\n\
                 crate::give_back(lease).await;\n\
             }}\n\
             pub async fn use_{n}() -> usize {{\n\
                 manager_{n}(String::from(\"{n}\")).scope(async |lease| lease.len()).await\n\
             }}"
        );
    }
    text
}

fn by_hand() -> String {
    let mut text = String::new();
    for n in 0..FUNCTIONS {
        let _ = writeln!(
            text,
            "pub async fn manager_{n}<T>(name: String, body: impl AsyncFnOnce(&mut String) -> T) -> T {{\n\
                 let mut lease = crate::take(name).await;\n\
                 let value = body(&mut lease).await;\n\
                 crate::give_back(lease).await;\n\
                 value\n\
             }}\n\
             pub async fn use_{n}() -> usize {{\n\
                 manager_{n}(String::from(\"{n}\"), async |lease: &mut String| lease.len()).await\n\
             }}"
        );
    }
    text
}

fn check(directory: &Path) -> io::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--quiet", "--offline"])
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", directory.join("../target"))
        .env_remove("RUSTFLAGS")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// Writes a crate and builds what it depends on.
fn prepare(root: &Path, name: &str, code: &str) -> io::Result<PathBuf> {
    let directory = root.join(name);
    fs::create_dir_all(directory.join("src"))?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::copy(workspace.join("Cargo.lock"), directory.join("Cargo.lock"))?;
    fs::write(
        directory.join("Cargo.toml"),
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\naiotools = {{ path = \"{}\" }}\n[workspace]\n",
            workspace.join("aiotools").display()
        ),
    )?;
    let shared = "pub async fn take(name: String) -> String { name }\npub async fn give_back(_: String) {}\n";
    fs::write(directory.join("src/lib.rs"), format!("{shared}{code}"))?;
    check(&directory)?;
    Ok(directory)
}

/// The CPU time of all that this process has started and that has ended.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is always there");
    let micros = |time: nix::sys::time::TimeVal| {
        time.tv_sec().unsigned_abs() * 1_000_000 + time.tv_usec().unsigned_abs()
    };
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

fn main() -> io::Result<()> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    let root = target.join("compile-time");
    let rounds = setting("ROUNDS", 150).div_ceil(15).max(3);
    let crates = [
        ("no function at all", prepare(&root, "nothing", "")?),
        ("by hand", prepare(&root, "by_hand", &by_hand())?),
        ("annotated", prepare(&root, "annotated", &annotated())?),
    ];
    let mut samples = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for ((_, directory), samples) in crates.iter().zip(&mut samples) {
            let file = fs::File::options()
                .append(true)
                .open(directory.join("src/lib.rs"))?;
            file.set_modified(std::time::SystemTime::now())?;
            let before = cpu();
            check(directory)?;
            samples.push((cpu() - before).as_secs_f64() * 1e3);
        }
    }
    let title = format!("a crate with {FUNCTIONS} managers, cargo check");
    let mut table = Table::new(title, "ms");
    for ((name, _), samples) in crates.iter().zip(&mut samples) {
        samples.sort_by(f64::total_cmp);
        let at = |tenth: usize| samples[samples.len() * tenth / 10];
        table = table.sampled(*name, at(1), at(5), at(9));
    }
    table.goal("annotated", "by hand", 1.1).show();
    Ok(())
}

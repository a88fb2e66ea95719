//! The servers that `load` puts under load: `load_server shared|plain key=value ..`.
//!
//! - `shared`: one of aiotools, with one queue for all workers, or, with `queues=many`, one for each.
//! - `plain`: one process with one `SO_REUSEPORT` socket of its own, stopped as gracefully as can be; several of them
//!   make the server that the first one is compared with.
//!
//! Both serve alike ([`serve`]), and tell what happens on standard output.

#[cfg(target_os = "linux")]
mod books;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod shared;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Nothing of it is left when `load` ends, however it does. What was started by another one, in an upgrade, is to
    // outlive that.
    if std::env::var_os("LISTEN_FDS").is_none() {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL)?;
    }
    let mut args = std::env::args().skip(1);
    let kind = args.next();
    let settings = args
        .filter_map(|arg| {
            let (key, value) = arg.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect();
    match kind.as_deref() {
        Some("shared") => Ok(shared::run(settings)?),
        Some("plain") => Ok(plain::run(&settings)?),
        _ => Err("which server: shared or plain?".into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

/// Writes a line at once and in one piece, so that the processes do not get in each other's way.
#[cfg(target_os = "linux")]
fn say(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("{line}\n").as_bytes());
}

//! A server for `tests/server_ops.rs`: what it listens on, and how it is run, is chosen on its
//! command line, as `key=value`.
//!
//! What happens is told on standard output, one line each, by whoever it happens to.

#[cfg(unix)]
mod serve;
#[cfg(unix)]
#[path = "../server_app/settings.rs"]
mod settings;

#[cfg(unix)]
fn main() -> Result<(), aiotools::ServerError> {
    let settings = settings::Settings::from_args();
    // Nothing that a test starts outlives it, however it ends. A server that takes another one's
    // place outlives that one; the test sees to its end.
    if !settings.has("outlive") {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL).expect("prctl");
    }
    if settings.has("ask") {
        ask(settings.text("ask"));
        return Ok(());
    }
    serve::run(settings)
}

/// A client of a control socket, for a test that needs one of another user: what it is told.
#[cfg(unix)]
fn ask(path: &str) {
    let mut stream = std::os::unix::net::UnixStream::connect(path).expect("it may connect");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("text");
    settings::say!("{answer}");
}

#[cfg(not(unix))]
fn main() {}

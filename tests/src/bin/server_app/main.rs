//! A server for `tests/server.rs`: what it does is chosen on its command line, as `key=value`.
//!
//! What happens is told on standard output, one line each, by whoever it happens to.
#![expect(
    clippy::disallowed_methods,
    reason = "workers that block are among what is tested, and the parent has no runtime"
)]

#[cfg(unix)]
mod settings;
#[cfg(unix)]
mod workers;

#[cfg(unix)]
fn main() -> Result<(), aiotools::ServerError> {
    // Nothing that a test starts outlives it, however it ends.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL).expect("prctl");
    let settings = settings::Settings::from_args();
    if settings.has("group") {
        nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0))
            .expect("setpgid");
    }
    workers::run(settings)
}

#[cfg(not(unix))]
fn main() {}

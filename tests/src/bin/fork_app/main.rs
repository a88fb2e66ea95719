//! Programs for `tests/fork.rs`: `fork_app <scenario> [direct|server] [portable]`. It ends with code 0 if all is as it should
//! be; the test harness itself, which has threads, cannot fork.
#![expect(
    clippy::disallowed_methods,
    reason = "children without a runtime, and programs without one"
)]

#[cfg(target_os = "linux")]
mod children;
#[cfg(target_os = "linux")]
mod scenarios;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Nothing that a test starts outlives it, however it ends.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL)?;
    scenarios::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

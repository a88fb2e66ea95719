//! The server in operation: listeners, service managers, and the people who run it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on threads of their own, and have no runtime"
)]

#[path = "server_ops/children.rs"]
mod children;
#[path = "server_ops/control.rs"]
mod control;
#[path = "server_ops/extra.rs"]
mod extra;
#[path = "server_ops/listeners.rs"]
mod listeners;
#[path = "server_ops/notify.rs"]
mod notify;
#[path = "server_ops/rights.rs"]
mod rights;
mod server_support;
#[path = "server_ops/support.rs"]
mod support;
#[path = "server_ops/systemd.rs"]
mod systemd;
#[path = "server_ops/upgrade.rs"]
mod upgrade;

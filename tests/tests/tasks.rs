//! Tests of the task engine, by area.
#![allow(
    clippy::async_yields_async,
    clippy::unit_arg,
    reason = "short bodies, and handles that are handed out"
)]

#[path = "tasks/support.rs"]
mod support;

#[path = "tasks/auto_traits.rs"]
mod auto_traits;
#[path = "tasks/cancel.rs"]
mod cancel;
#[path = "tasks/cleanup.rs"]
mod cleanup;
#[path = "tasks/context_var.rs"]
mod context_var;
#[path = "tasks/dump.rs"]
mod dump;
/// What upstream does not test.
#[path = "tasks/group.rs"]
mod group;
/// Guards of `#[actxmgr]` in groups (G2).
#[path = "tasks/managers.rs"]
mod managers;
/// Published bugs of others, and faults of upstream.
#[path = "tasks/regressions.rs"]
mod regressions;
#[path = "tasks/scope.rs"]
mod scope;
#[path = "tasks/sizes.rs"]
mod sizes;
#[path = "tasks/timeout.rs"]
mod timeout;
/// CAN-*: cancel_and_wait and shields.
#[path = "tasks/upstream_cancel.rs"]
mod upstream_cancel;
/// ASC-*, GTH-*, RCE-*: combinators.
#[path = "tasks/upstream_combinators.rs"]
mod upstream_combinators;
/// PTG-*: long-lived groups.
#[path = "tasks/upstream_ptaskgroup.rs"]
mod upstream_ptaskgroup;
/// TG-*: fail-fast groups.
#[path = "tasks/upstream_taskgroup.rs"]
mod upstream_taskgroup;
/// TSC-*: scopes, shields and timeouts.
#[path = "tasks/upstream_taskscope.rs"]
mod upstream_taskscope;

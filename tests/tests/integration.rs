//! Behaviour that needs no process of its own, seen through the public API.

#![deny(warnings)]
#![allow(missing_docs, reason = "tests")]

/// Guards, `scope`, `try_scope`: every way to enter and to leave.
#[path = "integration/context_manager.rs"]
mod context_manager;

//! Behaviour that needs no process of its own, seen through the public API.

#![deny(warnings)]
#![allow(missing_docs, reason = "tests")]

/// Guards, `scope`, `try_scope`: every way to enter and to leave, for each kind of manager.
#[path = "integration/context_forms.rs"]
mod context_forms;

/// What the usage in the design promises, word by word.
#[path = "integration/context_manager.rs"]
mod context_manager;

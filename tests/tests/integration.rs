//! Behaviour that needs no process of its own, seen through the public API.

#![deny(warnings)]
#![allow(missing_docs, reason = "tests")]

/// The page for those who come from Python. It tells of things that Unix alone has.
#[cfg(unix)]
#[path = "integration/coming_from_python.rs"]
mod coming_from_python;

/// Which types are `Send`, `Sync` and `Unpin`.
#[path = "integration/auto_traits.rs"]
mod auto_traits;

/// Which named types are `Send`, `Sync`, `Unpin` and unwind safe.
#[cfg(unix)]
#[path = "integration/auto_traits_table.rs"]
mod auto_traits_table;

/// Caches of functions: keys, sizes, methods, and what upstream's tests check.
#[path = "integration/cache_function.rs"]
mod cache_function;

/// One run for each key: who runs, who waits, and what happens when the one who runs does not come to the end.
#[path = "integration/cache_flight.rs"]
mod cache_flight;

/// When values expire, and how they are refreshed.
#[path = "integration/cache_time.rs"]
mod cache_time;

/// Futures of managers that are dropped: when, by whom, and what happens then.
#[path = "integration/context_cancel.rs"]
mod context_cancel;

/// Why a manager is left, and what becomes of errors and panics.
#[path = "integration/context_exit.rs"]
mod context_exit;

/// Guards, `scope`, `try_scope`: every way to enter and to leave, for each kind of manager.
#[path = "integration/context_forms.rs"]
mod context_forms;

/// `closing`, and what can be closed.
#[path = "integration/closing.rs"]
mod closing;

/// Groups of managers.
#[path = "integration/context_group.rs"]
mod context_group;

/// `aiter` and `apartial!`.
#[path = "integration/functions.rs"]
mod functions;

/// What the usage in the design promises, word by word.
#[path = "integration/context_manager.rs"]
mod context_manager;

/// What a manager may look like.
#[path = "integration/context_shapes.rs"]
mod context_shapes;

/// The scenarios of the tests of the Python library.
#[path = "integration/context_upstream.rs"]
mod context_upstream;

/// `#[defer]`, `#[adefer]`.
#[path = "integration/defer.rs"]
mod defer;

/// Stacks of managers and callbacks.
#[path = "integration/exit_stack.rs"]
mod exit_stack;

//! Tasks that cannot outlive the block that started them.
//!
//! | I want to … | use … |
//! |---|---|
//! | start tasks that succeed or fail together | [`TaskGroup`] |
//! | start tasks that do not stop each other | [`TaskScope`], in a struct [`TaskContext`] |
//! | end a task and wait for its cleanup | [`cancel_and_wait`](crate::cancel_and_wait) |
//! | clean up when cancelled | [`catch_cancel`](crate::catch_cancel) |
//! | not be cancelled for a while | [`shield`](crate::shield) |
//! | give children a value without an argument | [`context_var!`](crate::context_var) |
//! | see what is running | [`dump()`] |
//!
//! # Cancellation
//!
//! A request to end a task is counted, and delivered at the task's next suspension point to its innermost open
//! [`catch_cancel`](crate::catch_cancel) region; without one the task's future is dropped. Groups and scopes on the way cancel their
//! children and wait for them, so that whoever is further out is reached only when everything inside has ended.

mod adopt;
mod builder;
mod child;
mod children;
mod close;
mod context_var;
mod current;
mod drive;
mod dump;
mod error;
mod failures;
mod family;
mod fault;
mod gate;
mod group;
mod handle;
#[cfg(all(test, aiotools_loom))]
mod loom_tests;
mod meta;
mod node;
mod output;
mod queue;
mod rare;
mod registry;
mod report;
mod scope;
mod scope_builder;
mod seat;
mod spawner;
mod sync;
mod task_context;
mod task_ref;
mod waits;
mod wakers;

pub use builder::GroupBuilder;
pub use context_var::{ContextVar, Resetting, resetting};
pub use dump::{Dump, Entry, dump};
pub use error::{BoxError, ScopeError, TaskError, TaskGroupError};
pub use group::TaskGroup;
pub use handle::{Outcome, TaskHandle};
pub use output::TaskOutput;
pub use report::set_last_resort;
pub use scope::{Supervisor, TaskScope};
pub use scope_builder::{NoTimeout, ScopeBuilder, WithTimeout};
pub use task_context::TaskContext;
pub use task_ref::{TaskRef, current};

/// What the other modules of this crate build on.
pub(crate) mod engine {
    pub(crate) use super::{
        adopt::adopt,
        close::close,
        current::{Lazy, enter, enter_lazy, group, is_cancelled, node},
        family::{Family, Policy},
        handle::Ended,
        node::{Kind, Node},
        registry::add as register,
        report::Handler,
        scope_builder::collect,
        seat::{Seat, Waiting},
        spawner::{Spawner, spawn_like},
        sync::{Arc, lock},
        waits::Wait,
    };
}

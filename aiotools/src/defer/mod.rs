//! What functions under `#[defer]` and `#[adefer]` are made of.
//!
//! The attribute gives the body a `defer!` that pushes onto a list. When the body has ended, one way or
//! another, the list is run, last in, first out. For `#[adefer]` the list is a stack of cleanups, the same
//! that [`AsyncExitStack`](crate::AsyncExitStack) has: a function that is dropped leaves it to the background.
//!
//! # Where failures go
//!
//! The first one comes out: that of the body, or else the first of a deferred call, if it is a panic, or an error
//! that the function can return. All others go to the error hook.

mod kind;
mod list;
mod stack;

pub use kind::{
    AwaitedCall, FallibleFn, FitsError, FitsErrorAsync, PlainCall, ReportsError, ReportsErrorAsync,
    called, fits, fits_async,
};
pub use list::Defers;
pub use stack::AsyncDefers;

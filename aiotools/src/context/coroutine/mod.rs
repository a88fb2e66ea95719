//! The coroutine: an async body that stops once, at its yield point, until its driver resumes it.
//!
//! | file             | what | argues |
//! |------------------|------|--------|
//! | `slot.rs`        | what the two sides share: the state, the value, what the body is resumed with | when the value is there |
//! | `yield_point.rs` | the body's side: offers a value, waits to be resumed | how long a value may borrow from the body |
//! | `frame.rs`       | the body's future and its slot, in memory | who may point to it |
//! | `driver.rs`      | the other side: hands the value out, later takes it back or sees it dropped, and resumes the body | |
//! | `on_heap.rs`     | a frame that can be given away; without it, a frame lies in the future that drives it | |
//!
//! # Invariants
//!
//! 1. In `Yielded` and `Lent` nobody polls the future. A value that borrows from the body is
//!    therefore valid in these two states, and in them only.
//! 2. A value that was taken out is gone before `resume`; the one who takes it (`scope`) drops the
//!    body that holds it first. A value still in the slot is dropped by `resume`.
//! 3. The frame does not move from its first poll to its end, and only the frame polls the future: then the
//!    frame's slot is the current one. On drop the value goes first, then the future.
//! 4. One thread at a time uses a frame. Frames are sent, never shared: `Frame` is not `Sync`. The one
//!    exception: in `Yielded`, several may look at the value (`OnHeap::value`) while nobody writes.
//!
//! What would break it: polling the future in `Yielded` or `Lent`; resuming while a taken value
//! lives; letting safe code lend through a `YieldPoint`; a `&mut` to a frame.

mod body;
mod driver;
mod frame;
mod on_heap;
mod slot;
mod yield_point;

pub use body::Body;
pub(crate) use driver::{Driver, LendOf, OutputOf};
pub(crate) use frame::{Frame, Halves, SecondHalf, Step};
pub(crate) use on_heap::{ErasedFrame, HeapFrame, LentFrame};
pub(crate) use slot::Stored;
pub use yield_point::YieldPoint;

use super::lend::Lend;

/// What `#[actxmgr]` makes of a function body: something that, given a yield point, becomes the
/// future of the body.
///
/// The associated types are what lets a return type say
/// `impl Coroutine<Lend = Mut<Tx>, Resume = Exit, Future: Send + 'static>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the body of a manager, a worker or a main context",
    note = "annotate the function with `#[aiotools::actxmgr]`, `#[aiotools::server]` or `#[aiotools::main_context]`"
)]
pub trait Coroutine {
    /// The family of what it yields.
    type Lend: for<'a> Lend<'a> + ?Sized;

    /// What it is resumed with.
    type Resume;

    /// The future of the whole body, set-up and cleanup.
    type Future: Future;

    /// Makes the future.
    fn start(self, yield_point: YieldPoint<Self::Lend, Self::Resume>) -> Self::Future;
}

/// What the body of a coroutine returns.
pub(crate) type Output<C> = <<C as Coroutine>::Future as Future>::Output;

//! What a child can run.
#![expect(unsafe_code, reason = "a value without size is made of nothing")]

use std::{fmt::Debug, ptr::NonNull};

use super::ChildContext;

/// A function that a child can run: `fn() -> R` or `fn(ChildContext) -> R`, where `R` is `()`, `u8`, or a
/// `Result` of one of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run in a child process",
    label = "not a `fn()` or `fn(ChildContext)` that returns `()`, `u8` or a `Result` of them",
    note = "what the child is to work on goes with `afork(..).arg(bytes)` and comes out of `ChildContext::arg`"
)]
pub trait ChildFn<Args> {
    /// Whether it says itself when it is ready.
    const SAYS_READY: bool;

    fn call(self, ctx: ChildContext) -> u8;
}

#[diagnostic::do_not_recommend]
impl<F, R> ChildFn<()> for F
where
    F: FnOnce() -> R,
    R: ChildOutcome,
{
    const SAYS_READY: bool = false;

    fn call(self, ctx: ChildContext) -> u8 {
        ctx.ready();
        self().code()
    }
}

#[diagnostic::do_not_recommend]
impl<F, R> ChildFn<(ChildContext,)> for F
where
    F: FnOnce(ChildContext) -> R,
    R: ChildOutcome,
{
    const SAYS_READY: bool = true;

    fn call(self, ctx: ChildContext) -> u8 {
        self(ctx).code()
    }
}

/// What the function of a child may return.
#[doc(hidden)]
pub trait ChildOutcome {
    fn code(self) -> u8;
}

impl ChildOutcome for u8 {
    fn code(self) -> u8 {
        self
    }
}

impl ChildOutcome for () {
    fn code(self) -> u8 {
        0
    }
}

#[diagnostic::do_not_recommend]
impl<T: ChildOutcome, E: Debug> ChildOutcome for Result<T, E> {
    fn code(self) -> u8 {
        match self {
            Ok(value) => value.code(),
            Err(err) => {
                eprintln!("Error: {err:?}");
                1
            }
        }
    }
}

/// A function that stands for a [`ChildFn`] without size: as its address is all there is to it, it can be
/// told to another process of the same image.
pub(super) type Entry = fn(ChildContext) -> u8;

/// The entry that calls `function`.
pub(super) fn entry<F, Args>(function: F) -> Entry
where
    F: ChildFn<Args> + Copy + 'static,
{
    const {
        assert!(
            size_of::<F>() == 0,
            "a child runs a function or a closure without captures, as it may start from an older image of this process: \
             give the data by `afork(..).arg(bytes)`, or use `Afork::closure`"
        );
    }
    let _: F = function;
    call::<F, Args>
}

fn call<F, Args>(ctx: ChildContext) -> u8
where
    F: ChildFn<Args> + Copy + 'static,
{
    // SAFETY: `F` has no size (checked in `entry`), so any pointer that is aligned can be read. There has been a
    // value of it (`entry` takes one), and it is `Copy`, so that there may be another one.
    let function: F = unsafe { NonNull::<F>::dangling().as_ptr().read() };
    function.call(ctx)
}

/// The address of an entry, for another process of this image.
pub(super) fn to_address(entry: Entry) -> u64 {
    entry as usize as u64
}

/// The entry at an address.
///
/// # Safety
///
/// The address must be from [`to_address`], in a process of which this one is a fork, or which is a fork of
/// this one, without an `exec` between them; and the code must have been loaded before the fork.
pub(super) unsafe fn from_address(address: u64) -> Option<Entry> {
    let address = usize::try_from(address)
        .ok()
        .filter(|&address| address != 0)?;
    // SAFETY: what the caller vouches for: in this image, too, the address is that of a function of this type.
    Some(unsafe { std::mem::transmute::<*const (), Entry>(address as *const ()) })
}

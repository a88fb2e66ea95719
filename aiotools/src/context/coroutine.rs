//! The coroutine: an async body that stops once, at its yield point, until its driver resumes it.
//!
//! A [`Frame`] holds the body's future and, beside it, the [`Slot`] that the two sides share. The
//! body offers a value through its [`YieldPoint`]; the driver hands the value out, later takes it
//! back or sees it dropped, and resumes the body with an `R`.
//!
//! # States
//!
//! | state      | the future    | the value in the slot | who moves on, and to what               |
//! |------------|---------------|-----------------------|-----------------------------------------|
//! | `Empty`    | not there yet | none                  | driver: `start` → `Setup`               |
//! | `Setup`    | running       | none                  | body: `lend` → `Yielded`; end → `Done`  |
//! | `Yielded`  | suspended     | live                  | driver: `take` → `Lent`, `resume` → `Resumed` |
//! | `Lent`     | suspended     | moved out             | driver: `resume` → `Resumed`            |
//! | `Resumed`  | running       | none                  | body: end → `Done`                      |
//! | `Done`     | dropped       | none                  | nobody                                  |
//!
//! # Invariants
//!
//! 1. In `Yielded` and `Lent` nobody polls the future. A value that borrows from the body is
//!    therefore valid in these two states, and in them only.
//! 2. A value that was taken out is gone before `resume`; the one who takes it (`scope`) drops the
//!    body that holds it first. A value still in the slot is dropped by `resume`.
//! 3. The frame does not move from `start` to its end, so the slot pointer inside the future stays
//!    valid for as long as the future does. On drop the value goes first, then the future.
//! 4. One thread at a time uses a frame. Frames are sent, never shared: `Frame` is not `Sync`. The one
//!    exception: in `Yielded`, several may look at the value ([`OnHeap::value`]) while nobody writes.
//!
//! # Why this is sound
//!
//! *Pointers.* Everything that both sides touch sits in cells, and both sides only ever hold shared
//! references or raw pointers to a frame. No `&mut Frame` and no `Box<Frame>` exists while the body
//! is alive, so nothing claims to be the only path to memory that the body, or the value that it
//! lent, points into. This is why [`OnHeap`] keeps a raw pointer: moving a `Box` would assert
//! uniqueness over the very bytes that a lent reference points to.
//!
//! *Borrows.* A value lent for `'a` is kept as its `'static` sibling. That is sound as long as the
//! borrow is alive whenever the value is, and this rests on the future returned by
//! [`YieldPoint::lend`]: it carries `'a`, so the borrow checker keeps the loan until it has
//! completed or is dropped. A user who could leak that future (`mem::forget` after one poll) could
//! end the loan early. So the future must be awaited where it is made, directly in the coroutine's
//! own body: only `unsafe` code can lend, and the one who does is the expansion of `#[actxmgr]` and its
//! relatives, where `yield_!` awaits at once and breaks to a label that no closure and no nested async
//! block can reach. A hand-written manager never sees a yield point: the library lends for it.
//!
//! *Threads.* A frame is `Send` if the future, the resume value and every value that may be in the
//! slot are.
//!
//! What would break it: polling the future in `Yielded` or `Lent`; resuming while a taken value
//! lives; letting safe code lend through a `YieldPoint`; a `&mut` to a frame.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::catch_unwind::{CatchUnwind, Panic};
use super::exit::Exit;
use super::lend::Lend;
use crate::lazy::lazy;

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

/// A closure as a [`Coroutine`]. Made by the attributes.
pub struct Body<L: ?Sized, R, B> {
    body: B,
    family: PhantomData<fn(*mut L) -> R>,
}

impl<L: ?Sized, R, B, F> Body<L, R, B>
where
    B: FnOnce(YieldPoint<L, R>) -> F,
    F: Future,
{
    #[doc(hidden)]
    pub fn new(body: B) -> Self {
        Self {
            body,
            family: PhantomData,
        }
    }
}

impl<L, R, B, F> Coroutine for Body<L, R, B>
where
    L: for<'a> Lend<'a> + ?Sized,
    B: FnOnce(YieldPoint<L, R>) -> F,
    F: Future,
{
    type Lend = L;
    type Resume = R;
    type Future = F;

    fn start(self, yield_point: YieldPoint<L, R>) -> F {
        (self.body)(yield_point)
    }
}

impl<L: ?Sized, R, B> fmt::Debug for Body<L, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

/// What the body of a coroutine returns.
pub(crate) type Output<C> = <<C as Coroutine>::Future as Future>::Output;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Setup,
    Yielded,
    Lent,
    Resumed,
    Done,
}

/// A value of the family, with its lifetime forgotten. Only the slot and guards hold it.
pub(crate) type Stored<L> = <L as Lend<'static>>::Value;

/// What the body and its driver share.
struct Slot<L: for<'a> Lend<'a> + ?Sized, R> {
    state: Cell<State>,
    /// Initialised in `Yielded`, and only then.
    value: UnsafeCell<MaybeUninit<Stored<L>>>,
    resume: Cell<Option<R>>,
}

/// Where the body hands its value to the driver. Made by the library, used by `yield_!`.
pub struct YieldPoint<L: ?Sized, R> {
    /// A `Slot<L, R>`, untyped because `L: Lend` is not known where this type is only named.
    slot: NonNull<()>,
    /// Invariant in `L`: a point of one family does not take the values of another.
    family: PhantomData<fn(*mut L) -> R>,
}

impl<L: ?Sized, R> Clone for YieldPoint<L, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized, R> Copy for YieldPoint<L, R> {}

impl<L: ?Sized, R> fmt::Debug for YieldPoint<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YieldPoint").finish_non_exhaustive()
    }
}

// SAFETY: the pointer is used by the body's future only, which is polled by one thread at a time
// (invariant 4). What passes through the slot, values and `R`, moves between threads with the frame,
// so it must be `Send` for the future that holds this to be.
unsafe impl<L, R> Send for YieldPoint<L, R>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized,
    R: Send,
{
}

impl<L: for<'a> Lend<'a> + ?Sized, R> YieldPoint<L, R> {
    /// Offers `value` to the driver. The future completes when the driver resumes the body.
    ///
    /// # Panics
    ///
    /// When the body has yielded before.
    #[inline]
    pub(crate) fn lend<'a>(self, value: <L as Lend<'a>>::Value) -> Suspended<'a, L, R> {
        // SAFETY: the slot lives as long as the future that owns this yield point (invariant 3).
        let slot = unsafe { self.slot.cast::<Slot<L, R>>().as_ref() };
        match slot.state.get() {
            State::Setup => {}
            _ => panic!(
                "`yield_!` was reached a second time: a manager yields once, then cleans up and ends"
            ),
        }
        // SAFETY: in `Setup` nobody else looks at the value. The members of a family differ in
        // their lifetimes only, so they have one layout; see "Borrows" for how long it is used.
        unsafe {
            slot.value
                .get()
                .cast::<<L as Lend<'a>>::Value>()
                .write(value)
        };
        slot.state.set(State::Yielded);
        Suspended {
            yield_point: self,
            loan: PhantomData,
        }
    }
}

impl<L: ?Sized, R> YieldPoint<L, R> {
    /// What `yield_!` lends through.
    ///
    /// # Safety
    ///
    /// What [`Lender::lend`] returns is awaited where it is made, directly in the coroutine's own body;
    /// see "Borrows".
    #[doc(hidden)]
    #[inline]
    pub unsafe fn lender(self) -> Lender<L, R> {
        Lender(self)
    }
}

/// A yield point in the hands of an expanded macro.
#[doc(hidden)]
pub struct Lender<L: ?Sized, R>(YieldPoint<L, R>);

impl<L: ?Sized, R> Clone for Lender<L, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized, R> Copy for Lender<L, R> {}

impl<L: ?Sized, R> fmt::Debug for Lender<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender").finish_non_exhaustive()
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R> Lender<L, R> {
    /// Yields `value`.
    #[inline]
    pub fn lend<'a>(self, value: <L as Lend<'a>>::Value) -> Suspended<'a, L, R> {
        self.0.lend(value)
    }
}

/// The body, suspended at its yield point; completes with what the driver resumes it with.
#[doc(hidden)]
#[must_use = "the body goes on when this is awaited"]
pub struct Suspended<'a, L: for<'x> Lend<'x> + ?Sized, R> {
    yield_point: YieldPoint<L, R>,
    /// Keeps the loan of the value alive until the body has been resumed, and is as `Send` as it.
    loan: PhantomData<<L as Lend<'a>>::Value>,
}

impl<L: for<'x> Lend<'x> + ?Sized, R> fmt::Debug for Suspended<'_, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended").finish_non_exhaustive()
    }
}

impl<L: for<'x> Lend<'x> + ?Sized, R> Future for Suspended<'_, L, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        // SAFETY: as in `lend`.
        let slot = unsafe { self.yield_point.slot.cast::<Slot<L, R>>().as_ref() };
        // No waker to keep: whoever resumes also polls.
        match slot.resume.take() {
            Some(resume) => Poll::Ready(resume),
            None => Poll::Pending,
        }
    }
}

/// How the first half of a body ended.
#[derive(Debug)]
pub(crate) enum Step<O> {
    /// It stands at its yield point, and the value is in the slot.
    Yielded,
    /// It returned without yielding.
    Ended(O),
}

/// A coroutine in memory: its future and the slot beside it.
pub(crate) struct Frame<L: for<'a> Lend<'a> + ?Sized, R, F> {
    slot: Slot<L, R>,
    /// Initialised in every state but `Empty` and `Done`.
    future: UnsafeCell<MaybeUninit<F>>,
    _pinned: PhantomPinned,
}

// SAFETY: see "Threads".
unsafe impl<L, R, F> Send for Frame<L, R, F>
where
    L: for<'a> Lend<'a, Value: Send> + ?Sized,
    R: Send,
    F: Send,
{
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Frame<L, R, F> {
    #[inline]
    const fn empty() -> Self {
        Self {
            slot: Slot {
                state: Cell::new(State::Empty),
                value: UnsafeCell::new(MaybeUninit::uninit()),
                resume: Cell::new(None),
            },
            future: UnsafeCell::new(MaybeUninit::uninit()),
            _pinned: PhantomPinned,
        }
    }

    /// Puts the body in its place; polls nothing.
    #[inline]
    fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(self: Pin<&Self>, coroutine: C) {
        assert_eq!(self.slot.state.get(), State::Empty, "a frame starts once");
        let future = coroutine.start(YieldPoint {
            slot: NonNull::from(&self.get_ref().slot).cast(),
            family: PhantomData,
        });
        // SAFETY: in `Empty` there is no future that this could overwrite or that could look on.
        unsafe { (*self.future.get()).write(future) };
        self.slot.state.set(State::Setup);
    }

    /// # Safety
    ///
    /// In `Setup` or `Resumed`, and not from within the body itself.
    #[inline]
    unsafe fn poll_body(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is there, is pinned with the frame, and nobody else refers to it.
        let future = unsafe { Pin::new_unchecked((*self.future.get()).assume_init_mut()) };
        let polled = future.poll(cx);
        if polled.is_ready() {
            self.drop_rest();
        }
        polled
    }
}

/// A frame of which the second half is left: how it began and what it lent is of no interest any more.
pub(crate) trait SecondHalf {
    type Resume;
    type Output;

    /// Resumes the body: the next `poll_cleanup` goes on behind the yield. Drops the value if it
    /// is still in the slot.
    ///
    /// A value that was taken out is gone by now: whoever takes it borrows the owner of the frame for as
    /// long as it lives (invariant 2).
    fn resume(self: Pin<&Self>, with: Self::Resume);

    /// Runs the second half.
    ///
    /// # Safety
    ///
    /// Not from within the body itself.
    unsafe fn poll_cleanup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// Drops what is left: the value, then the future (invariant 3).
    fn end(&self);
}

/// A frame with both halves, whatever the type of its future.
pub(crate) trait Halves: SecondHalf {
    type Lend: for<'a> Lend<'a> + ?Sized;

    /// Runs the first half.
    ///
    /// # Safety
    ///
    /// Not from within the body itself.
    unsafe fn poll_setup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Step<Self::Output>>;

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// The caller chooses `'a`: the value must be gone before the frame is resumed or dropped.
    unsafe fn take<'a>(self: Pin<&Self>) -> <Self::Lend as Lend<'a>>::Value;

    /// Points at the value in the slot. Valid until `resume` or `take`.
    fn value(&self) -> NonNull<Stored<Self::Lend>>;
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> SecondHalf for Frame<L, R, F> {
    type Resume = R;
    type Output = F::Output;

    #[inline]
    fn resume(self: Pin<&Self>, with: R) {
        match self.slot.state.get() {
            State::Yielded => {
                self.slot.resume.set(Some(with));
                // The state changes first: should the value panic in its drop, it is not dropped
                // again, and the body can still be run.
                self.slot.state.set(State::Resumed);
                // SAFETY: the value was live in `Yielded`, and no guard refers to it any more.
                unsafe { (*self.slot.value.get()).assume_init_drop() };
            }
            State::Lent => {
                self.slot.resume.set(Some(with));
                self.slot.state.set(State::Resumed);
            }
            state => unreachable!("resumed in state {state:?}"),
        }
    }

    #[inline]
    unsafe fn poll_cleanup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert_eq!(
            self.slot.state.get(),
            State::Resumed,
            "not resumed, or polled after the end"
        );
        // SAFETY: the state says that the future is there; passed on to the caller.
        unsafe { self.poll_body(cx) }
    }

    #[inline]
    fn end(&self) {
        self.drop_rest();
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Halves for Frame<L, R, F> {
    type Lend = L;

    #[inline]
    unsafe fn poll_setup(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Step<F::Output>> {
        assert_eq!(
            self.slot.state.get(),
            State::Setup,
            "polled after the yield"
        );
        // SAFETY: the state says that the future is there; passed on to the caller.
        let polled = unsafe { self.poll_body(cx) };
        match polled {
            Poll::Ready(output) => Poll::Ready(Step::Ended(output)),
            Poll::Pending if self.slot.state.get() == State::Yielded => Poll::Ready(Step::Yielded),
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    unsafe fn take<'a>(self: Pin<&Self>) -> <L as Lend<'a>>::Value {
        assert_eq!(self.slot.state.get(), State::Yielded, "nothing to take");
        self.slot.state.set(State::Lent);
        // SAFETY: live in `Yielded`, and from now on no longer looked at. For the cast, see `lend`.
        unsafe {
            self.slot
                .value
                .get()
                .cast::<<L as Lend<'a>>::Value>()
                .read()
        }
    }

    #[inline]
    fn value(&self) -> NonNull<Stored<L>> {
        assert_eq!(
            self.slot.state.get(),
            State::Yielded,
            "no value in the slot"
        );
        // SAFETY: the address of a field is not null.
        unsafe { NonNull::new_unchecked(self.slot.value.get().cast()) }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F> Frame<L, R, F> {
    #[inline]
    fn drop_rest(&self) {
        let state = self.slot.state.replace(State::Done);
        if state == State::Yielded {
            // SAFETY: live in `Yielded`; the state has moved on, so this happens once.
            unsafe { (*self.slot.value.get()).assume_init_drop() };
        }
        if !matches!(state, State::Empty | State::Done) {
            // SAFETY: the future was there, and the state has moved on, so this happens once.
            unsafe { (*self.future.get()).assume_init_drop() };
        }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F> Drop for Frame<L, R, F> {
    #[inline]
    fn drop(&mut self) {
        self.drop_rest();
    }
}

/// Whoever drives a frame: owns it, and is the only one who uses it.
pub(crate) trait Driver {
    type Frame: SecondHalf + ?Sized;

    #[doc(hidden)]
    fn frame(&self) -> Pin<&Self::Frame>;

    /// Runs the first half.
    #[inline]
    fn poll_setup(&mut self, cx: &mut Context<'_>) -> Poll<Step<OutputOf<Self>>>
    where
        Self::Frame: Halves,
    {
        // SAFETY: the driver holds `&mut self`, so the body cannot call this.
        unsafe { self.frame().poll_setup(cx) }
    }

    /// Lets the body go on behind its yield at the next `poll_cleanup`; drops the value if it is
    /// still in the slot.
    #[inline]
    fn resume(&mut self, with: ResumeOf<Self>) {
        self.frame().resume(with);
    }

    /// Runs the second half.
    #[inline]
    fn poll_cleanup(&mut self, cx: &mut Context<'_>) -> Poll<OutputOf<Self>> {
        // SAFETY: the driver holds `&mut self`, so the body cannot call this.
        unsafe { self.frame().poll_cleanup(cx) }
    }

    /// Moves the value out. It is gone before `self` can be used again, because it borrows it.
    fn lend(&mut self) -> <LendOf<Self> as Lend<'_>>::Value
    where
        Self::Frame: Halves,
    {
        // SAFETY: the borrow of `self` lasts as long as the value.
        unsafe { self.frame().take() }
    }

    /// Gives the value to `body` and runs it; a panic of the body comes back as its payload.
    ///
    /// The body, and with it the value, is gone when this is done or dropped; if it is leaked, it
    /// never runs again. Either way nothing uses the value once `self` is free to be resumed.
    #[inline]
    fn lend_to<T, B>(&mut self, body: B) -> impl Future<Output = Result<T, Panic>>
    where
        Self::Frame: Halves,
        B: for<'a> AsyncFnOnce(<LendOf<Self> as Lend<'a>>::Value) -> T,
    {
        // SAFETY: the value moves into the future of the body, which cannot let it escape, being
        // made for every `'a`; that future is all there is in the one returned here, and that one
        // borrows `self`.
        let value = unsafe { self.frame().take() };
        // Called in the poll, so that a closure that panics before it returns a future is caught.
        CatchUnwind::new(lazy(
            (body, value),
            |(body, value)| (body(value), ()),
            |(), value| value,
        ))
    }
}

/// What the body that `D` drives returns.
pub(crate) type OutputOf<D> = <<D as Driver>::Frame as SecondHalf>::Output;

/// What the body that `D` drives is resumed with.
pub(crate) type ResumeOf<D> = <<D as Driver>::Frame as SecondHalf>::Resume;

/// What the body that `D` drives lends.
pub(crate) type LendOf<D> = <<D as Driver>::Frame as Halves>::Lend;

/// A frame on the heap, the one allocation that a manager costs. It is moved by its pointer.
pub(crate) struct OnHeap<T: SecondHalf + ?Sized> {
    frame: NonNull<T>,
    owns: PhantomData<T>,
}

/// A frame on the heap whose future is known.
pub(crate) type HeapFrame<L, R, F> = OnHeap<Frame<L, R, F>>;

/// A frame on the heap of which it is known what it lends and what it fails with.
pub(crate) type ErasedFrame<L, E> =
    OnHeap<dyn Halves<Lend = L, Resume = Exit, Output = Result<(), E>> + Send>;

/// A frame on the heap of which it is only known what it fails with.
pub(crate) type LentFrame<E> = OnHeap<dyn SecondHalf<Resume = Exit, Output = Result<(), E>> + Send>;

// SAFETY: owns the frame, and is the only one who uses it.
unsafe impl<T: SecondHalf + ?Sized + Send> Send for OnHeap<T> {}

// It may move, the frame stays where it is.
impl<T: SecondHalf + ?Sized> Unpin for OnHeap<T> {}

// SAFETY: a shared reference gives the value by `value`, and nothing else: whatever writes to the frame,
// the state that `value` reads included, asks for `&mut self`. So sharing this is sharing the value.
unsafe impl<T> Sync for OnHeap<T>
where
    T: Halves + ?Sized,
    T::Lend: for<'a> Lend<'a, Value: Sync>,
{
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> OnHeap<Frame<L, R, F>> {
    #[inline]
    pub(crate) fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(coroutine: C) -> Self {
        let this = Self {
            // SAFETY: a `Box` is not null.
            frame: unsafe { NonNull::new_unchecked(Box::into_raw(Box::new(Frame::empty()))) },
            owns: PhantomData,
        };
        this.frame().start(coroutine);
        this
    }

    /// Forgets the type of the future.
    pub(crate) fn erase(self) -> OnHeap<dyn Halves<Lend = L, Resume = R, Output = F::Output> + Send>
    where
        L: 'static,
        R: 'static,
        F: 'static,
        Frame<L, R, F>: Send,
    {
        OnHeap {
            frame: self.into_frame(),
            owns: PhantomData,
        }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized + 'static, F: Future<Output = Result<(), E>> + 'static, E>
    OnHeap<Frame<L, Exit, F>>
where
    Frame<L, Exit, F>: Send,
{
    /// Forgets also what it lends: of a manager that is only to be left.
    pub(crate) fn erase_lent(self) -> LentFrame<E> {
        OnHeap {
            frame: self.into_frame(),
            owns: PhantomData,
        }
    }

    /// Moves the value out, and forgets what it was.
    ///
    /// # Safety
    ///
    /// The caller chooses `'a`: the value must be gone before the frame is resumed or dropped.
    pub(crate) unsafe fn lend_and_erase<'a>(self) -> (LentFrame<E>, <L as Lend<'a>>::Value) {
        // SAFETY: passed on to the caller.
        let value = unsafe { self.frame().take() };
        (self.erase_lent(), value)
    }
}

impl<T: SecondHalf + ?Sized> OnHeap<T> {
    /// Gives the frame away without ending it.
    fn into_frame(self) -> NonNull<T> {
        ManuallyDrop::new(self).frame
    }
}

impl<T: Halves + ?Sized> OnHeap<T> {
    /// The value, while it is in the slot.
    #[inline]
    pub(crate) fn value(&self) -> &Stored<T::Lend> {
        // SAFETY: it is there, and whoever moves or drops it (`resume`, `lend_to`) needs `&mut self`.
        unsafe { self.frame().value().as_ref() }
    }

    /// The value, while it is in the slot.
    #[inline]
    pub(crate) fn value_mut(&mut self) -> &mut Stored<T::Lend> {
        // SAFETY: as in `value`, and `&mut self` makes it the only reference.
        unsafe { self.frame().value().as_mut() }
    }
}

impl<T: SecondHalf + ?Sized> Driver for OnHeap<T> {
    type Frame = T;

    #[inline]
    fn frame(&self) -> Pin<&T> {
        // SAFETY: this owns the frame, which stays where it is until `drop`.
        unsafe { Pin::new_unchecked(self.frame.as_ref()) }
    }
}

impl<T: SecondHalf + ?Sized> Drop for OnHeap<T> {
    #[inline]
    fn drop(&mut self) {
        struct Free<T: ?Sized>(NonNull<T>);
        impl<T: ?Sized> Drop for Free<T> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: made from a `Box` in `start`, freed here and nowhere else.
                drop(unsafe { Box::from_raw(self.0.as_ptr()) });
            }
        }
        // Ended in place, through a shared reference: there may be no `Box` while the body and its
        // value are alive. The memory is freed even if the body panics in its drop.
        let _free = Free(self.frame);
        self.frame().get_ref().end();
    }
}

/// A frame in the future of whoever pins it: no allocation, and nobody to hand the second half to.
pub(crate) struct PinnedFrame<'p, L: for<'a> Lend<'a> + ?Sized, R, F: Future> {
    frame: Pin<&'p Frame<L, R, F>>,
}

// SAFETY: the reference stands for the frame itself: whoever pinned it gave it away with `start`.
unsafe impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Send for PinnedFrame<'_, L, R, F> where
    Frame<L, R, F>: Send
{
}

impl<'p, L: for<'a> Lend<'a> + ?Sized, R, F: Future> PinnedFrame<'p, L, R, F> {
    /// The place to pin: `pin!(PinnedFrame::place())`.
    pub(crate) const fn place() -> Frame<L, R, F> {
        Frame::empty()
    }

    #[inline]
    pub(crate) fn start<C: Coroutine<Lend = L, Resume = R, Future = F>>(
        place: Pin<&'p mut Frame<L, R, F>>,
        coroutine: C,
    ) -> Self {
        let frame = place.into_ref();
        frame.start(coroutine);
        Self { frame }
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Driver for PinnedFrame<'_, L, R, F> {
    type Frame = Frame<L, R, F>;

    #[inline]
    fn frame(&self) -> Pin<&Frame<L, R, F>> {
        self.frame
    }
}

impl<L: for<'a> Lend<'a> + ?Sized, R, F: Future> Drop for PinnedFrame<'_, L, R, F> {
    #[inline]
    fn drop(&mut self) {
        self.frame.get_ref().drop_rest();
    }
}

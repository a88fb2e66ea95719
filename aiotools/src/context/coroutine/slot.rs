//! The slot: what a body and its driver share, and the states that the two go through.
//!
//! | state      | the future    | the value in the slot | who moves on, and to what               |
//! |------------|---------------|-----------------------|-----------------------------------------|
//! | `Setup`    | running       | none                  | body: `offer` → `Yielded`; end → `Done` |
//! | `Yielded`  | suspended     | live                  | driver: `take` → `Lent`, `resume` → `Resumed` |
//! | `Lent`     | suspended     | moved out             | driver: `resume` → `Resumed`            |
//! | `Resumed`  | running       | none                  | body: end → `Done`                      |
//! | `Done`     | dropped       | none                  | nobody                                  |
//!
//! The value is there in `Yielded` and at no other time, and whoever moves on from `Yielded` is the one who
//! moves the value out or drops it. The state changes before the value goes: should the value panic in its
//! drop, nobody drops it again, and the body can still be run.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use crate::context::lend::Lend;

thread_local! {
    /// The slot of the innermost body that is being polled on this thread.
    static CURRENT: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum State {
    Setup,
    Yielded,
    Lent,
    Resumed,
    Done,
}

/// A value of the family, with its lifetime forgotten. Only the slot and guards hold it.
pub(crate) type Stored<L> = <L as Lend<'static>>::Value;

/// What the body and its driver share.
pub(super) struct Slot<L: for<'a> Lend<'a> + ?Sized, R> {
    state: Cell<State>,
    /// Initialised in `Yielded`, and only then.
    value: UnsafeCell<MaybeUninit<Stored<L>>>,
    resume: Cell<Option<R>>,
}

impl<L: for<'a> Lend<'a> + ?Sized, R> Slot<L, R> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self {
            state: Cell::new(State::Setup),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            resume: Cell::new(None),
        }
    }

    /// Runs `poll`, which polls the body, with this slot as the one that [`current`](Self::current) finds.
    #[inline]
    pub(super) fn while_current<T>(&self, poll: impl FnOnce() -> T) -> T {
        struct Restore(*const ());
        impl Drop for Restore {
            #[inline]
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _outer = Restore(CURRENT.replace(ptr::from_ref(self).cast()));
        poll()
    }

    /// The slot of the body that is being polled.
    ///
    /// # Safety
    ///
    /// Called by a body with these parameters itself, while it is polled by its frame; and what is returned is
    /// not used any longer than that.
    #[inline]
    pub(super) unsafe fn current<'s>() -> &'s Self {
        // SAFETY: the innermost frame that polls on this thread is the caller's: the frames of others have
        // restored this when they were done. It is borrowed by `while_current` all the time.
        unsafe { &*CURRENT.get().cast() }
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    /// Offers a value, from within the body.
    ///
    /// # Safety
    ///
    /// Somebody sees to it that the value is gone when `'a` ends; see "Borrows" in `yield_point.rs`.
    ///
    /// # Panics
    ///
    /// When the body has yielded before.
    #[inline]
    pub(super) unsafe fn offer<'a>(&self, value: <L as Lend<'a>>::Value) {
        match self.state.get() {
            State::Setup => {}
            _ => panic!(
                "`yield_!` was reached a second time: a manager yields once, then cleans up and ends"
            ),
        }
        // SAFETY: in `Setup` nobody else looks at the value. The members of a family differ in
        // their lifetimes only, so they have one layout.
        unsafe {
            self.value
                .get()
                .cast::<<L as Lend<'a>>::Value>()
                .write(value)
        };
        self.state.set(State::Yielded);
    }

    /// What the body was resumed with, from within the body.
    #[inline]
    pub(super) fn resumed_with(&self) -> Option<R> {
        self.resume.take()
    }

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// The caller chooses `'a`: the value must be gone before the body is resumed or dropped.
    #[inline]
    pub(super) unsafe fn take<'a>(&self) -> <L as Lend<'a>>::Value {
        assert!(self.state.get() == State::Yielded, "nothing to take");
        self.state.set(State::Lent);
        // SAFETY: live in `Yielded`, and from now on no longer looked at. For the cast, see `offer`.
        unsafe { self.value.get().cast::<<L as Lend<'a>>::Value>().read() }
    }

    /// Points at the value. Valid until it is taken or dropped.
    #[inline]
    pub(super) fn value(&self) -> NonNull<Stored<L>> {
        assert!(self.state.get() == State::Yielded, "no value in the slot");
        // SAFETY: the address of a field is not null.
        unsafe { NonNull::new_unchecked(self.value.get().cast()) }
    }

    /// Lets the body go on behind its yield when it is polled next. Drops the value if it is here.
    #[inline]
    pub(super) fn resume(&self, with: R) {
        let state = self.state.get();
        assert!(
            matches!(state, State::Yielded | State::Lent),
            "resumed where it has not yielded"
        );
        self.resume.set(Some(with));
        self.state.set(State::Resumed);
        if state == State::Yielded {
            // SAFETY: it was live, and no guard refers to it any more.
            unsafe { self.drop_value() };
        }
    }

    /// Ends whatever goes on. Drops the value if it is here, and gives the state that was.
    #[inline]
    pub(super) fn end(&self) -> State {
        let state = self.state.replace(State::Done);
        if state == State::Yielded {
            // SAFETY: it was live, and the state has moved on, so this happens once.
            unsafe { self.drop_value() };
        }
        state
    }

    /// # Safety
    ///
    /// The value is live, nobody refers to it, and the state says already that it is gone.
    #[inline]
    unsafe fn drop_value(&self) {
        // SAFETY: passed on to the caller.
        unsafe { (*self.value.get()).assume_init_drop() };
    }
}

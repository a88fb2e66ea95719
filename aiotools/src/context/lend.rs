//! What a manager yields, as a type-level function of how long it is lent.

use std::marker::PhantomData;

/// A family of types, one for each lifetime: what a manager lends to the body for `'a`.
///
/// A manager that returns `i32` yields an [`Owned<i32>`](Owned), `&T` is a [`Ref<T>`](Ref), `&mut T`
/// a [`Mut<T>`](Mut). Any other type with elided lifetimes, such as `Tx<'_>`, is the family
/// `dyn for<'a> Lend<'a, Value = Tx<'a>>`: the trait object names it without declaring a type.
///
/// `#[actxmgr]` picks the family from the return type; a hand-written manager names it in
/// [`AsyncContextManager::Lend`](super::AsyncContextManager::Lend).
///
/// The members of a family differ in their lifetimes only. That is what lets one slot in memory
/// hold any of them, and it cannot be otherwise: an implementation covers all `'a` at once, and
/// Rust cannot choose by lifetime.
pub trait Lend<'a> {
    /// The type that is lent for `'a`.
    type Value;
}

/// The family of a type that borrows nothing from its manager.
#[derive(Debug)]
pub struct Owned<T>(PhantomData<fn() -> T>);

/// The family of `&T`.
///
/// An alias, not a type of its own: `impl<'a, T: 'a> Lend<'a> for Ref<T>` would need its bound, and with
/// it the compiler could not see that the body of a manager that lends `&Box<dyn Any>` or
/// `&Vec<&'static str>` is `Send` (rust-lang/rust#110338).
pub type Ref<T> = dyn for<'a> Lend<'a, Value = &'a T>;

/// The family of `&mut T`. An alias, as [`Ref`].
pub type Mut<T> = dyn for<'a> Lend<'a, Value = &'a mut T>;

impl<'a, T> Lend<'a> for Owned<T> {
    type Value = T;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Owned<T> {}
    impl<T: ?Sized> Sealed for dyn for<'a> super::Lend<'a, Value = &'a T> + '_ {}
    impl<T: ?Sized> Sealed for dyn for<'a> super::Lend<'a, Value = &'a mut T> + '_ {}
}

/// A family whose members a guard can hand out by `Deref`: what is found behind the yielded value
/// does not depend on how long it is lent.
///
/// `Tx<'_>` has no such target. A guard that lends it has
/// [`with`](super::Guard::with) and [`with_mut`](super::Guard::with_mut) instead.
///
/// Sealed: `target` is given a value under a lifetime that is not its own, and must not let that out.
#[diagnostic::on_unimplemented(
    message = "what this manager lends says itself for how long, so only a guard or a scope can hand it out",
    label = "lends neither a `T`, nor a `&T`, nor a `&mut T`",
    note = "use `Guard::with`, `Guard::with_mut` or `Manager::scope`"
)]
pub trait LendDeref: for<'a> Lend<'a> + sealed::Sealed {
    /// What the guard derefs to.
    type Target: ?Sized;

    #[doc(hidden)]
    fn target<'g>(value: &'g <Self as Lend<'static>>::Value) -> &'g Self::Target;
}

/// A family whose members a guard can hand out by `DerefMut`.
pub trait LendDerefMut: LendDeref {
    #[doc(hidden)]
    fn target_mut<'g>(value: &'g mut <Self as Lend<'static>>::Value) -> &'g mut Self::Target;
}

impl<T> LendDeref for Owned<T> {
    type Target = T;

    fn target(value: &T) -> &T {
        value
    }
}

impl<T> LendDerefMut for Owned<T> {
    fn target_mut(value: &mut T) -> &mut T {
        value
    }
}

// Not just for `Ref<T>`, which is `+ 'static`: inside an async block the compiler forgets that lifetime
// (rust-lang/rust#110338), and the block would not be `Send`.
impl<T: ?Sized + 'static> LendDeref for dyn for<'a> Lend<'a, Value = &'a T> + '_ {
    type Target = T;

    fn target<'g>(value: &'g &'static T) -> &'g T {
        value
    }
}

impl<T: ?Sized + 'static> LendDeref for dyn for<'a> Lend<'a, Value = &'a mut T> + '_ {
    type Target = T;

    fn target<'g>(value: &'g &'static mut T) -> &'g T {
        value
    }
}

impl<T: ?Sized + 'static> LendDerefMut for dyn for<'a> Lend<'a, Value = &'a mut T> + '_ {
    fn target_mut<'g>(value: &'g mut &'static mut T) -> &'g mut T {
        value
    }
}

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
#[derive(Debug)]
pub struct Ref<T: ?Sized>(PhantomData<fn() -> *const T>);

/// The family of `&mut T`.
// Invariant in `T`, as `&mut T` is: what is lent as one type must not be written to as another.
#[derive(Debug)]
pub struct Mut<T: ?Sized>(PhantomData<fn() -> *mut T>);

impl<'a, T> Lend<'a> for Owned<T> {
    type Value = T;
}

impl<'a, T: ?Sized + 'a> Lend<'a> for Ref<T> {
    type Value = &'a T;
}

impl<'a, T: ?Sized + 'a> Lend<'a> for Mut<T> {
    type Value = &'a mut T;
}

/// A family whose members a guard can hand out by `Deref`: what is found behind the yielded value
/// does not depend on how long it is lent.
///
/// `Tx<'_>` has no such target. A guard that lends it has
/// [`with`](super::Guard::with) and [`with_mut`](super::Guard::with_mut) instead.
pub trait LendDeref: for<'a> Lend<'a> {
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

impl<T: ?Sized + 'static> LendDeref for Ref<T> {
    type Target = T;

    fn target<'g>(value: &'g &'static T) -> &'g T {
        value
    }
}

impl<T: ?Sized + 'static> LendDeref for Mut<T> {
    type Target = T;

    fn target<'g>(value: &'g &'static mut T) -> &'g T {
        value
    }
}

impl<T: ?Sized + 'static> LendDerefMut for Mut<T> {
    fn target_mut<'g>(value: &'g mut &'static mut T) -> &'g mut T {
        value
    }
}

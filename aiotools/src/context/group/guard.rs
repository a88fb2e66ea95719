//! The guard of a group: all members entered.

use std::fmt;
use std::ops::{Index, IndexMut};

use super::member::Member;
use super::scope::leave;
use crate::context::{Exit, Lend, LendDeref, LendDerefMut};

/// A group whose members have all been entered: `group.await?` gives one.
///
/// `guard[i]` is what member `i` has yielded. Leave it with [`exit`](Self::exit) or
/// [`exit_with`](Self::exit_with).
///
/// # What happens on drop
///
/// Each member is left in the background, as a [`Guard`](crate::context::Guard) that is dropped.
#[must_use = "a guard that is dropped at once is cancelled at once; keep it, or use `scope`"]
pub struct GroupGuard<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    members: Vec<Member<L, E>>,
}

impl<L, E> GroupGuard<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    pub(super) fn new(members: Vec<Member<L, E>>) -> Self {
        Self { members }
    }

    /// Leaves all members at once: resumes them with [`Exit::Completed`] and waits for all cleanups.
    ///
    /// # Errors
    ///
    /// The first error of a cleanup, when all are done. Later ones go to the
    /// [error hook](crate::cleanup::set_error_hook).
    ///
    /// # Panics
    ///
    /// If the first failure of a cleanup is a panic, with that, when all are done.
    ///
    /// # Cancel safety
    ///
    /// No cleanup is cut short. When this future is dropped, also before its first poll, they go on in the
    /// background, and the members still see `Completed`.
    pub fn exit(self) -> impl Future<Output = Result<(), E>> {
        self.exit_with(Exit::Completed)
    }

    /// Leaves all members with the reason given; see [`exit`](Self::exit).
    ///
    /// # Errors
    ///
    /// As [`exit`](Self::exit).
    ///
    /// # Panics
    ///
    /// As [`exit`](Self::exit).
    ///
    /// # Cancel safety
    ///
    /// As [`exit`](Self::exit).
    pub fn exit_with(self, exit: Exit) -> impl Future<Output = Result<(), E>> {
        leave(self.members, exit)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Looks at what member `index` has yielded, also if that is a type such as `Tx<'_>`.
    ///
    /// # Panics
    ///
    /// If there is no such member.
    pub fn with<T>(
        &self,
        index: usize,
        look: impl for<'a> FnOnce(&<L as Lend<'a>>::Value) -> T,
    ) -> T {
        look(self.members[index].driver().value())
    }

    /// Uses what member `index` has yielded; see [`with`](Self::with).
    ///
    /// # Panics
    ///
    /// If there is no such member.
    pub fn with_mut<T>(
        &mut self,
        index: usize,
        change: impl for<'a> FnOnce(&mut <L as Lend<'a>>::Value) -> T,
    ) -> T {
        change(self.members[index].driver_mut().value_mut())
    }

    /// What the members have yielded, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &L::Target>
    where
        L: LendDeref,
    {
        self.members
            .iter()
            .map(|member| L::target(member.driver().value()))
    }

    /// What the members have yielded, in their order.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut L::Target>
    where
        L: LendDerefMut,
    {
        self.members
            .iter_mut()
            .map(|member| L::target_mut(member.driver_mut().value_mut()))
    }
}

impl<L, E> Index<usize> for GroupGuard<L, E>
where
    L: LendDeref + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    type Output = L::Target;

    fn index(&self, index: usize) -> &L::Target {
        L::target(self.members[index].driver().value())
    }
}

impl<L, E> IndexMut<usize> for GroupGuard<L, E>
where
    L: LendDerefMut + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn index_mut(&mut self, index: usize) -> &mut L::Target {
        L::target_mut(self.members[index].driver_mut().value_mut())
    }
}

impl<L, E> fmt::Debug for GroupGuard<L, E>
where
    L: for<'a> Lend<'a> + ?Sized + 'static,
    E: fmt::Debug + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupGuard")
            .field("len", &self.members.len())
            .finish_non_exhaustive()
    }
}

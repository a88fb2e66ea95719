//! The intrusive list of parked children.
//!
//! A child that is ready at its first poll never gets here. One that has to wait is linked into its group's list by the [`Head`] inside
//! its own future, so parking allocates nothing.
//!
//! # Soundness
//!
//! 1. A `Head` lives inside a pinned future, at one address from its first poll until it is dropped; its future's `Drop` and its end
//!    both unlink it first. So a pointer in a list is always valid.
//! 2. `prev`, `next` and `waker` are touched only under the lock of the group's `Family::kids`, whose guard hands out the lists.
//!    `linked` changes under that lock only, and says that they are set; the head's owner may read it without the lock, and asks again
//!    under it before it acts on `true`.
//! 3. `meta` and `linked` are atomics, `seq` and `group` never change, `own` is touched by the owner of the future only.
//! 4. A future that contains a `Head` is `!Unpin`, so that a `Pin<&mut Future>` does not assert uniqueness over it; all accesses from
//!    here go through shared references or raw pointers.
#![expect(unsafe_code, reason = "an intrusive list; the argument is above")]

use std::{
    cell::{Cell, UnsafeCell},
    mem::MaybeUninit,
    panic::Location,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
    task::Waker,
};

use super::{family::Family, node::Node, sync::Arc};

/// What the engine keeps of a child, inside the child's own future.
pub(crate) struct Head {
    prev: Cell<Option<NonNull<Head>>>,
    next: Cell<Option<NonNull<Head>>>,
    waker: UnsafeCell<MaybeUninit<Waker>>,
    /// The group, kept alive by the unit that this child holds.
    group: *const Node,
    /// Where it was spawned (tag 0), or its node, which knows that too (tag 1).
    meta: AtomicPtr<()>,
    pub(crate) seq: u32,
    linked: AtomicBool,
    /// For the owner of the future.
    pub(crate) own: Cell<u8>,
}

const NODE_TAG: usize = 1;

impl Head {
    /// # Safety
    ///
    /// The caller has entered `group`, which has a family, for this child, got `seq` for it, and will leave it only when the head is
    /// dropped or done.
    #[inline]
    pub(crate) unsafe fn new(
        group: &Arc<Node>,
        seq: u32,
        location: &'static Location<'static>,
        node: Option<Arc<Node>>,
    ) -> Self {
        Self {
            prev: Cell::new(None),
            next: Cell::new(None),
            waker: UnsafeCell::new(MaybeUninit::uninit()),
            group: Arc::as_ptr(group),
            meta: AtomicPtr::new(match node {
                None => ptr::from_ref(location).cast_mut().cast(),
                Some(node) => tagged(node),
            }),
            seq,
            linked: AtomicBool::new(false),
            own: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn group(&self) -> &Node {
        // SAFETY: the child's unit keeps the group alive (invariant 2 of `node`).
        unsafe { &*self.group }
    }

    #[inline]
    pub(crate) fn family(&self) -> &Family {
        // SAFETY: the group has one, by the contract of `new`.
        unsafe { self.group().family.as_ref().unwrap_unchecked() }
    }

    #[inline]
    pub(crate) fn group_ptr(&self) -> *const Node {
        self.group
    }

    #[inline]
    pub(crate) fn group_arc(&self) -> Arc<Node> {
        // SAFETY: the pointer came from an `Arc` that the child's unit keeps alive; `ManuallyDrop` leaves that reference as it was.
        let borrowed = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(self.group) });
        Arc::clone(&borrowed)
    }

    /// The child's own node, if it needed one.
    #[inline]
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        let meta = self.meta.load(Ordering::Acquire);
        if meta.addr() & NODE_TAG == 0 {
            return None;
        }
        // SAFETY: with the tag, `meta` is a leaked `Box<Arc<Node>>`, and is never changed again until `take_node`.
        Some(unsafe { &*meta.map_addr(|addr| addr & !NODE_TAG).cast::<Arc<Node>>() })
    }

    /// Gives the child its node. Called under the lock of `kids`.
    pub(crate) fn set_node(&self, node: Arc<Node>) {
        debug_assert!(self.node().is_none(), "a task has one node");
        self.meta.store(tagged(node), Ordering::Release);
    }

    /// Takes the node away from a child that has ended.
    ///
    /// # Safety
    ///
    /// The head is in no list, no reference from [`node`](Self::node) is in use, and nobody sets the node meanwhile.
    pub(crate) unsafe fn take_node(&self) -> Option<Arc<Node>> {
        let location = self.node()?.location;
        let location = ptr::from_ref(location).cast_mut().cast();
        let meta = self.meta.swap(location, Ordering::AcqRel);
        // SAFETY: it had the tag, so it is the leaked box of `tagged`, which nobody reaches any more.
        Some(*unsafe { Box::from_raw(meta.map_addr(|addr| addr & !NODE_TAG).cast::<Arc<Node>>()) })
    }

    /// Where the child was spawned.
    #[inline]
    pub(crate) fn location(&self) -> &'static Location<'static> {
        match self.node() {
            Some(node) => node.location,
            // SAFETY: without the tag, `meta` is the `&'static Location` that `new` was given.
            None => unsafe {
                &*self
                    .meta
                    .load(Ordering::Acquire)
                    .cast::<Location<'static>>()
            },
        }
    }

    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.load(Ordering::Acquire)
    }
}

/// `meta` of a child that has this node.
fn tagged(node: Arc<Node>) -> *mut () {
    node.claim();
    let boxed: *mut Arc<Node> = Box::into_raw(Box::new(node));
    boxed.map_addr(|addr| addr | NODE_TAG).cast()
}

/// A doubly linked list of heads, oldest first.
#[derive(Default)]
struct List {
    first: Option<NonNull<Head>>,
    last: Option<NonNull<Head>>,
}

/// The parked children of one group: those that wait, and those that are just being woken for the last time.
#[derive(Default)]
pub(crate) struct Children {
    active: List,
    drained: List,
}

// SAFETY: the heads are reached only through the lock that `Children` lives under, and what they own is `Send`.
unsafe impl Send for Children {}

impl Children {
    /// Links a child.
    ///
    /// # Safety
    ///
    /// `head` is pinned, not linked, belongs to the group whose lock is held, and will be unlinked before it is dropped.
    #[inline]
    pub(crate) unsafe fn link(&mut self, head: &Head, waker: Waker) {
        let this = NonNull::from(head);
        // SAFETY: under the lock (rule 2).
        unsafe { (*head.waker.get()).write(waker) };
        head.prev.set(self.active.last);
        head.next.set(None);
        match self.active.last {
            // SAFETY: rule 1.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(this)),
            None => self.active.first = Some(this),
        }
        self.active.last = Some(this);
        head.linked.store(true, Ordering::Release);
    }

    /// Takes a child out of the list that it is in; its waker comes back, to be dropped or woken outside the lock.
    ///
    /// # Safety
    ///
    /// `head` belongs to the group whose lock is held.
    #[inline]
    pub(crate) unsafe fn unlink(&mut self, head: &Head) -> Option<Waker> {
        if !head.is_linked() {
            return None;
        }
        let this = Some(NonNull::from(head));
        let (prev, next) = (head.prev.get(), head.next.get());
        match prev {
            // SAFETY: rule 1.
            Some(prev) => unsafe { prev.as_ref() }.next.set(next),
            None if self.drained.first == this => self.drained.first = next,
            None => self.active.first = next,
        }
        match next {
            // SAFETY: rule 1.
            Some(next) => unsafe { next.as_ref() }.prev.set(prev),
            None if self.drained.last == this => self.drained.last = prev,
            None => self.active.last = prev,
        }
        // SAFETY: under the lock (rule 2), and not read again, since `linked` says that it is gone.
        let waker = unsafe { (*head.waker.get()).assume_init_read() };
        // Last: from here on its owner may drop it without the lock.
        head.linked.store(false, Ordering::Release);
        Some(waker)
    }

    /// Sets all children that are parked now apart, to be taken by [`pop`](Self::pop). Those that park later are not among them.
    pub(crate) fn drain(&mut self) {
        debug_assert!(self.drained.first.is_none(), "a group is cancelled once");
        self.drained = std::mem::take(&mut self.active);
    }

    /// Takes the next of the drained children out of the list.
    pub(crate) fn pop(&mut self) -> Option<Waker> {
        let first = self.drained.first?;
        // SAFETY: rule 1, and it is in a list of this group.
        unsafe { self.unlink(first.as_ref()) }
    }

    /// Looks at every parked child.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&Head)) {
        for list in [&self.drained, &self.active] {
            let mut next = list.first;
            while let Some(head) = next {
                // SAFETY: rule 1; the lock is held as long as `self` is borrowed.
                let head = unsafe { head.as_ref() };
                look(head);
                next = head.next.get();
            }
        }
    }

    /// A waker of a linked child.
    ///
    /// # Safety
    ///
    /// `head` belongs to the group whose lock is held.
    pub(crate) unsafe fn waker(&self, head: &Head) -> Option<Waker> {
        if !head.is_linked() {
            return None;
        }
        // SAFETY: under the lock (rule 2).
        Some(unsafe { (*head.waker.get()).assume_init_ref() }.clone())
    }
}

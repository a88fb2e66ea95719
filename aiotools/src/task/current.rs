//! Which node is being polled (or dropped) on this thread.
//!
//! # Soundness
//!
//! The thread-local holds a borrowed pointer. It is set by [`enter`] for the duration of a call, from a reference that lives at least as
//! long as that call, and the old value is put back when the call ends or unwinds. So whenever somebody reads it, they are
//! inside that call, and the pointer is valid. It never crosses a thread, and never survives a poll.
#![expect(
    unsafe_code,
    reason = "a borrowed pointer in a thread-local; the argument is above"
)]

use std::cell::{Cell, OnceCell};

use super::{
    children::Head,
    node::{Kind, Node},
    sync::Arc,
};

/// What is current: a [`Here`] in one word, since every poll of every child writes it twice.
#[derive(Clone, Copy)]
struct Current(*const ());

/// What is current, taken apart.
enum Here<'a> {
    Nothing,
    Node(&'a Arc<Node>),
    Child(&'a Head),
    Lazy(&'a Lazy<'static>),
}

// What the pointer points to, in its lowest bits, which are free: all three have pointers in them.
const TAG: usize = 3;
const NODE: usize = 1;
const CHILD: usize = 2;
const LAZY: usize = 3;

impl Current {
    const NOTHING: Self = Self(std::ptr::null());

    #[inline]
    fn new<T>(tag: usize, target: *const T) -> Self {
        const { assert!(align_of::<T>() > TAG) };
        Self(target.cast::<()>().map_addr(|addr| addr | tag))
    }
}

/// Something that gets a node only if somebody asks for it: a tick of a timer that may be over at its first poll.
pub(crate) struct Lazy<'a> {
    node: OnceCell<Arc<Node>>,
    make: &'a dyn Fn() -> Arc<Node>,
}

impl<'a> Lazy<'a> {
    pub(crate) fn new(make: &'a dyn Fn() -> Arc<Node>) -> Self {
        Self {
            node: OnceCell::new(),
            make,
        }
    }

    fn get(&self) -> &Arc<Node> {
        self.node.get_or_init(self.make)
    }

    /// The node, if anybody asked for it. Whoever asks next gets another one.
    pub(crate) fn take(&mut self) -> Option<Arc<Node>> {
        self.node.take()
    }
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::NOTHING) };
}

/// Calls with what is current.
fn look<R>(call: impl FnOnce(Here<'_>) -> R) -> R {
    let Current(tagged) = CURRENT.try_with(Cell::get).unwrap_or(Current::NOTHING);
    let target = tagged.map_addr(|addr| addr & !TAG);
    call(match tagged.addr() & TAG {
        // SAFETY: see above; the tag says what `enter` and the like made the pointer from.
        NODE => Here::Node(unsafe { &*target.cast() }),
        // SAFETY: as for the node.
        CHILD => Here::Child(unsafe { &*target.cast() }),
        // SAFETY: as for the node.
        LAZY => Here::Lazy(unsafe { &*target.cast() }),
        _ => Here::Nothing,
    })
}

struct Restore(Current);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

#[inline]
fn with<R>(new: Current, call: impl FnOnce() -> R) -> R {
    // A thread that is just ending has no thread-locals any more; then there is no current node, which is what we get.
    let old = CURRENT.try_with(|current| current.replace(new));
    let _restore = Restore(old.unwrap_or(Current::NOTHING));
    call()
}

/// Calls with `node` as the current one.
#[inline]
pub(crate) fn enter<R>(node: &Arc<Node>, call: impl FnOnce() -> R) -> R {
    with(Current::new(NODE, node), call)
}

/// Calls with the child of this head as the current one.
#[inline]
pub(crate) fn enter_child<R>(head: &Head, call: impl FnOnce() -> R) -> R {
    with(Current::new(CHILD, head), call)
}

/// Calls with something current that may get a node.
pub(crate) fn enter_lazy<R>(lazy: &Lazy<'_>, call: impl FnOnce() -> R) -> R {
    with(Current::new(LAZY, lazy), call)
}

/// The current node; a child that had none until now gets one.
pub(crate) fn node() -> Option<Arc<Node>> {
    look(|here| match here {
        Here::Nothing => None,
        Here::Node(node) => Some(Arc::clone(node)),
        Here::Lazy(lazy) => Some(Arc::clone(lazy.get())),
        Here::Child(head) => Some(head.family().node_of(head)),
    })
}

/// Whether something is current, without giving a child a node for the question.
pub(crate) fn is_any() -> bool {
    look(|here| !matches!(here, Here::Nothing))
}

/// The innermost group or scope around the current code.
pub(crate) fn group() -> Option<Arc<Node>> {
    let mut node = look(|here| match here {
        Here::Nothing => None,
        Here::Node(node) => Some(Arc::clone(node)),
        Here::Child(head) => Some(head.group_arc()),
        Here::Lazy(lazy) => Some(Arc::clone(lazy.get())),
    });
    while let Some(here) = &node {
        if matches!(
            here.kind,
            Kind::Group | Kind::Scope | Kind::Context | Kind::Timer
        ) {
            break;
        }
        node = here.parent.clone();
    }
    node
}

/// Whether the current task was asked to end: one look at one word per open scope of the task.
pub(crate) fn is_cancelled() -> bool {
    look(|here| match here {
        Here::Nothing => false,
        Here::Node(node) => node.any_request().is_some(),
        Here::Lazy(lazy) => lazy
            .node
            .get()
            .is_some_and(|node| node.any_request().is_some()),
        Here::Child(head) => {
            head.family().claim(head);
            match head.node() {
                Some(node) => node.control().requests() > 0,
                None => head.family().orders().soft(),
            }
        }
    })
}

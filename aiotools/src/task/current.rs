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

#[derive(Clone, Copy)]
enum Current {
    None,
    Node(*const Arc<Node>),
    Child(*const Head),
    Lazy(*const Lazy<'static>),
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

    /// The node, if anybody asked for it.
    pub(crate) fn into_node(self) -> Option<Arc<Node>> {
        self.node.into_inner()
    }
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::None) };
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
    let _restore = Restore(old.unwrap_or(Current::None));
    call()
}

/// Calls with `node` as the current one.
#[inline]
pub(crate) fn enter<R>(node: &Arc<Node>, call: impl FnOnce() -> R) -> R {
    with(Current::Node(node), call)
}

/// Calls with the child of this head as the current one.
#[inline]
pub(crate) fn enter_child<R>(head: &Head, call: impl FnOnce() -> R) -> R {
    with(Current::Child(head), call)
}

/// Calls with something current that may get a node.
pub(crate) fn enter_lazy<R>(lazy: &Lazy<'_>, call: impl FnOnce() -> R) -> R {
    with(Current::Lazy(std::ptr::from_ref(lazy).cast()), call)
}

/// The current node; a child that had none until now gets one.
pub(crate) fn node() -> Option<Arc<Node>> {
    match CURRENT.try_with(Cell::get).unwrap_or(Current::None) {
        Current::None => None,
        // SAFETY: see above.
        Current::Node(node) => Some(Arc::clone(unsafe { &*node })),
        // SAFETY: see above.
        Current::Lazy(lazy) => Some(Arc::clone(unsafe { &*lazy }.get())),
        Current::Child(head) => {
            // SAFETY: see above.
            let head = unsafe { &*head };
            head.group()
                .family
                .as_ref()
                .map(|family| family.node_of(head))
        }
    }
}

/// Whether something is current, without giving a child a node for the question.
pub(crate) fn is_any() -> bool {
    !matches!(CURRENT.try_with(Cell::get), Ok(Current::None) | Err(_))
}

/// The innermost group or scope around the current code.
pub(crate) fn group() -> Option<Arc<Node>> {
    let mut node = match CURRENT.try_with(Cell::get).unwrap_or(Current::None) {
        Current::None => return None,
        // SAFETY: see above.
        Current::Node(node) => Some(Arc::clone(unsafe { &*node })),
        // SAFETY: see above.
        Current::Child(head) => Some(unsafe { &*head }.group_arc()),
        // SAFETY: see above.
        Current::Lazy(lazy) => Some(Arc::clone(unsafe { &*lazy }.get())),
    };
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
    match CURRENT.try_with(Cell::get).unwrap_or(Current::None) {
        Current::None => false,
        // SAFETY: see above.
        Current::Node(node) => unsafe { &*node }.any_request().is_some(),
        // SAFETY: see above.
        Current::Lazy(lazy) => unsafe { &*lazy }
            .node
            .get()
            .is_some_and(|node| node.any_request().is_some()),
        Current::Child(head) => {
            // SAFETY: see above.
            let head = unsafe { &*head };
            if let Some(family) = &head.group().family {
                family.claim(head);
            }
            match head.node() {
                Some(node) => node.control().requests() > 0,
                None => head.group().control().kids_soft(),
            }
        }
    }
}
